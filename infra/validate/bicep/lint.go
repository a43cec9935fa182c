package bicep

import (
	"regexp"
	"strings"
)

// lint looks for what the default rules of Bicep's linter warn of, where nothing
// else here refuses it: there is no compiler here to ask. A sentence ends with the
// name of the rule.
func (c *checker) lint() {
	c.limits()
	for _, p := range c.file.Params {
		c.lintParam(p)
		c.expressions(p.Default)
	}
	for _, v := range c.file.Vars {
		if strings.HasSuffix(v.Name, "_var") {
			c.fail(v.At, "the variable %s has a name that the decompiler gave it (decompiler-cleanup)", v.Name)
		}
		c.expressions(v.Value)
	}
	for _, r := range c.file.Resources {
		if strings.HasSuffix(r.Name, "_resource") {
			c.fail(r.At, "the resource %s has a name that the decompiler gave it (decompiler-cleanup)", r.Name)
		}
		if strings.EqualFold(r.Type, "Microsoft.Resources/deployments") {
			c.fail(r.At, "a deployment is declared as a resource: use a module (no-deployments-resources)")
		}
		c.expressions(r.Body)
		c.dependsOn(r.Body)
	}
	for _, m := range c.file.Modules {
		c.expressions(m.Body)
		c.dependsOn(m.Body)
	}
	for _, o := range c.file.Outputs {
		c.expressions(o.Value)
	}
}

// limits are those of a template.
func (c *checker) limits() {
	for _, limit := range []struct {
		rule        string
		count, most int
	}{
		{"max-params", len(c.file.Params), 256},
		{"max-variables", len(c.file.Vars), 512},
		{"max-resources", len(c.file.Resources), 800},
		{"max-outputs", len(c.file.Outputs), 64},
	} {
		if limit.count > limit.most {
			c.fail(Position{1, 1}, "the file has %d of what it may have %d of (%s)", limit.count, limit.most, limit.rule)
		}
	}
}

var (
	secretive = regexp.MustCompile(`(?i)password|pwd|secret|accountkey|acctkey`)
	harmless  = regexp.MustCompile(`(?i)secretpermissions|secretversion|secretur[il]|secretname`)
)

func (c *checker) lintParam(p *Param) {
	_, secure := p.decorator("secure")
	if strings.HasPrefix(p.Name, "_artifactsLocation") {
		c.fail(p.At, "the parameter %s is for artifacts, and nothing here has any (artifacts-parameters)", p.Name)
	}
	if !secure && holdsText(p.Type) && secretive.MatchString(p.Name) && !harmless.MatchString(p.Name) {
		c.fail(p.At, "the parameter %s looks like a secret, and is not secure (secure-secrets-in-params)", p.Name)
	}
	if secure && p.Default != nil && !isNothing(p.Default) {
		c.fail(p.At, "the parameter %s is secure, and its default is not (secure-parameter-default)", p.Name)
	}
}

// holdsText is whether a type is that of strings or objects.
func holdsText(t Type) bool {
	named, ok := t.(*namedType)
	if ok {
		return named.name != "int" && named.name != "bool"
	}
	_, ok = t.(*objectType)
	return ok
}

// isNothing is whether a value is an empty string or object.
func isNothing(e Expression) bool {
	switch e := e.(type) {
	case *text:
		return len(e.holes) == 0 && e.parts[0] == ""
	case *object:
		return len(e.properties) == 0
	}
	return false
}

// expressions lints a value and all that it is made of.
func (c *checker) expressions(e Expression) {
	switch e := e.(type) {
	case nil:
		return
	case *text:
		c.lintText(e)
	case *object:
		for _, p := range e.properties {
			c.lintProperty(p)
			for _, hole := range p.key.holes {
				c.expressions(hole) // a key of one hole is no value to be simplified
			}
			c.expressions(p.value)
		}
		return
	case *index:
		if key, ok := e.key.(*text); ok && len(key.holes) == 0 && identifier.MatchString(key.parts[0]) {
			c.fail(e.at, "['%s'] is a plain name: write .%[1]s (prefer-unquoted-property-names)", key.parts[0])
		}
	case *call:
		if e.name == "concat" && len(e.args) > 1 && c.isText(e.args[0]) {
			c.fail(e.at, "concat joins strings: interpolate them (prefer-interpolation)")
		}
	case *ternary:
		c.lintTernary(e)
	}
	for _, inner := range parts(e) {
		c.expressions(inner)
	}
}

// hosts differ between Azure's clouds. environment() knows them.
var hosts = regexp.MustCompile(`(?i)(^|[^a-z0-9])(api\.loganalytics\.io|api\.loganalytics\.iov1|asazure\.windows\.net|azuredatalakeanalytics\.net|azuredatalakestore\.net|batch\.core\.windows\.net|core\.windows\.net|database\.windows\.net|datalake\.azure\.net|gallery\.azure\.com|graph\.windows\.net|login\.microsoftonline\.com|management\.azure\.com|management\.core\.windows\.net|region\.asazure\.windows\.net|trafficmanager\.net|vault\.azure\.net)($|[^a-z0-9])`)

func (c *checker) lintText(e *text) {
	for _, part := range e.parts {
		if host := hosts.FindStringSubmatch(part); host != nil && !strings.Contains(part, "schema.management.azure.com") {
			c.fail(e.at, "%s is another in other clouds: use environment() (no-hardcoded-env-urls)", host[2])
		}
	}
	if len(e.holes) == 1 && e.parts[0] == "" && e.parts[1] == "" {
		c.fail(e.at, "the string is one value and nothing else: use the value (simplify-interpolation)")
	}
}

var (
	identifier = regexp.MustCompile(`^[A-Za-z_]\w*$`)
	credential = regexp.MustCompile(`(?i)(password|clientsecret|sastoken|connectionstring|sharedkey)$`)
)

func (c *checker) lintProperty(p property) {
	if len(p.key.holes) > 0 {
		return
	}
	key := p.key.parts[0]
	if p.quoted && identifier.MatchString(key) {
		c.fail(p.at, "'%s' needs no quotes (prefer-unquoted-property-names)", key)
	}
	switch {
	case strings.EqualFold(key, "adminUsername") && c.isLiteral(p.value):
		c.fail(p.at, "the administrator's name is written out (adminusername-should-not-be-literal)")
	case strings.EqualFold(key, "imageReference"):
		c.walk(p.value, func(e Expression) {
			if s, ok := e.(*text); ok && strings.Contains(strings.ToLower(strings.Join(s.parts, "")), "preview") {
				c.fail(p.at, "the image is a preview (use-stable-vm-image)")
			}
		})
	case strings.EqualFold(key, "settings"):
		c.lintSettings(p)
	case credential.MatchString(key) && !c.isSecure(p.value):
		c.fail(p.at, "%s takes a secret, and is given what is not secure (use-secure-value-for-secure-inputs)", key)
	}
}

// lintSettings looks for commands of extensions: in protectedSettings nobody reads them.
func (c *checker) lintSettings(p property) {
	o, ok := p.value.(*object)
	if !ok {
		return
	}
	command := o.property("commandToExecute")
	if command == nil {
		return
	}
	secret := c.isSecure(command)
	c.walk(command, func(e Expression) {
		switch e := e.(type) {
		case *call:
			secret = secret || strings.HasPrefix(e.name, "list")
		case *method:
			secret = secret || strings.HasPrefix(e.name, "list")
		}
	})
	if secret {
		c.fail(p.at, "commandToExecute has a secret: it belongs to protectedSettings (protect-commandtoexecute-secrets)")
	}
}

func (c *checker) lintTernary(e *ternary) {
	asks, ok := e.condition.(*call)
	if !ok || asks.name != "contains" || len(asks.args) != 2 {
		return
	}
	var base Expression
	var key string
	switch yes := e.yes.(type) {
	case *member:
		base, key = yes.base, "'"+yes.name+"'"
	case *index:
		base, key = yes.base, written(yes.key)
	default:
		return
	}
	if from := written(base); !strings.Contains(from, "?") && from == written(asks.args[0]) && key == written(asks.args[1]) {
		c.fail(e.at, "contains asks for what .? and ?? give (use-safe-access)")
	}
}

// dependsOn looks for what the rest of a body depends on already. A loop's
// resources are left out, as the linter leaves them.
func (c *checker) dependsOn(e Expression) {
	o, _ := body(e)
	if o == nil {
		return
	}
	declared, ok := o.property("dependsOn").(*array)
	if !ok {
		return
	}
	named := map[string]bool{}
	for _, p := range o.properties {
		if p.key.parts[0] == "dependsOn" {
			continue
		}
		c.walk(p.value, func(e Expression) {
			if n, ok := e.(*name); ok {
				named[n.name] = true
			}
		})
	}
	for _, item := range declared.items {
		if n, ok := item.(*name); ok && named[n.name] && !c.isLoop(n.name) {
			c.fail(n.at, "%s is depended on anyhow (no-unnecessary-dependson)", n.name)
		}
	}
}

func (c *checker) isLoop(symbol string) bool {
	for _, r := range c.file.Resources {
		if _, l := body(r.Body); r.Name == symbol && l != nil {
			return true
		}
	}
	return false
}

// walk visits an expression, all that it is made of, and the variables that it names.
func (c *checker) walk(e Expression, visit func(Expression)) {
	followed := map[string]bool{}
	var look func(Expression)
	look = func(e Expression) {
		visit(e)
		if n, ok := e.(*name); ok && !followed[n.name] {
			followed[n.name] = true
			if v := c.file.variable(n.name); v != nil {
				look(v.Value)
			}
		}
		for _, inner := range parts(e) {
			look(inner)
		}
	}
	look(e)
}

// isText is whether an expression is a string, as far as its own file tells.
func (c *checker) isText(e Expression) bool {
	switch e := e.(type) {
	case *text:
		return true
	case *name:
		if p := c.file.param(e.name); p != nil {
			named, ok := p.Type.(*namedType)
			return ok && named.name == "string"
		}
		v := c.file.variable(e.name)
		return v != nil && c.isText(v.Value)
	}
	return false
}

// isLiteral is whether a value is written in the file, be it as a default.
func (c *checker) isLiteral(e Expression) bool {
	switch e := e.(type) {
	case *text:
		return len(e.holes) == 0
	case *name:
		if p := c.file.param(e.name); p != nil {
			return p.Default != nil && c.isLiteral(p.Default)
		}
		v := c.file.variable(e.name)
		return v != nil && c.isLiteral(v.Value)
	}
	return false
}

// isSecure is whether a value has a secure parameter in it.
func (c *checker) isSecure(e Expression) bool {
	found := false
	c.walk(e, func(e Expression) {
		if n, ok := e.(*name); ok {
			if p := c.file.param(n.name); p != nil {
				_, secure := p.decorator("secure")
				found = found || secure
			}
		}
	})
	return found
}

// written is an expression of names as it is written, to compare it with another.
func written(e Expression) string {
	switch e := e.(type) {
	case *name:
		return e.name
	case *member:
		return written(e.base) + "." + e.name
	case *index:
		return written(e.base) + "[" + written(e.key) + "]"
	case *text:
		if len(e.holes) == 0 {
			return "'" + e.parts[0] + "'"
		}
	}
	return "?"
}
