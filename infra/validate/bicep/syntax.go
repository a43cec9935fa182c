package bicep

// File is a file of Bicep: a template, or the parameters of one.
type File struct {
	Path        string
	TargetScope string // resourceGroup unless the file says otherwise
	Using       string // the template that a file of parameters is for
	Imports     []*Import
	Params      []*Param
	Vars        []*Var
	Types       []*TypeDeclaration
	Resources   []*Resource
	Modules     []*Module
	Outputs     []*Output
	Assignments []*Assignment // of a file of parameters
}

// Decorator is what stands above a declaration: @minLength(1).
type Decorator struct {
	Name string
	Args []Expression
	At   Position
}

// Declared is what all declarations have.
type Declared struct {
	Name       string
	At         Position
	Decorators []Decorator
}

// decorator returns the argument of a decorator, or nil.
func (d Declared) decorator(name string) (Expression, bool) {
	for _, dec := range d.Decorators {
		if dec.Name == name {
			if len(dec.Args) == 0 {
				return nil, true
			}
			return dec.Args[0], true
		}
	}
	return nil, false
}

// Import is a name that another file exports.
type Import struct {
	Declared
	From string
}

// Param is a parameter. Default is nil when it must be given.
type Param struct {
	Declared
	Type    Type
	Default Expression
}

// Var is a named value.
type Var struct {
	Declared
	Value Expression
}

// TypeDeclaration is a named type.
type TypeDeclaration struct {
	Declared
	Type Type
}

// Resource is something that Azure is asked for, or that exists already.
type Resource struct {
	Declared
	Type, Version string
	Existing      bool
	Body          Expression // an object, or a loop over one
}

// Module is the use of another file.
type Module struct {
	Declared
	Path string
	Body Expression
}

// Output is what a file gives back.
type Output struct {
	Declared
	Type  Type
	Value Expression
}

// Assignment is the value of a parameter in a file of parameters.
type Assignment struct {
	Declared
	Value Expression
}

// Expression is what has a value.
type Expression interface{ position() Position }

type (
	// literal is a number, true, false or null.
	literal struct {
		at    Position
		value any
	}
	// text is a string: parts with expressions between them.
	text struct {
		at    Position
		parts []string
		holes []Expression
	}
	// name is the use of a declaration or of a loop's variable.
	name struct {
		at   Position
		name string
	}
	array struct {
		at    Position
		items []Expression
	}
	property struct {
		at     Position
		key    *text
		quoted bool // the key is a string
		value  Expression
	}
	object struct {
		at         Position
		properties []property
	}
	call struct {
		at   Position
		name string
		args []Expression
	}
	// method is a function of a value: base.name(args).
	method struct {
		at   Position
		base Expression
		name string
		args []Expression
	}
	// member is a property of a value: base.name.
	member struct {
		at   Position
		base Expression
		name string
	}
	index struct {
		at   Position
		base Expression
		key  Expression
	}
	unary struct {
		at      Position
		sign    string
		operand Expression
	}
	binary struct {
		at          Position
		sign        string
		left, right Expression
	}
	ternary struct {
		at                 Position
		condition, yes, no Expression
	}
	lambda struct {
		at     Position
		params []string
		body   Expression
	}
	// loop is [for item in over: body], with or without the item's index.
	loop struct {
		at          Position
		item, index string
		over, body  Expression
	}
)

func (e *literal) position() Position { return e.at }
func (e *text) position() Position    { return e.at }
func (e *name) position() Position    { return e.at }
func (e *array) position() Position   { return e.at }
func (o *object) position() Position  { return o.at }
func (e *call) position() Position    { return e.at }
func (e *method) position() Position  { return e.at }
func (e *member) position() Position  { return e.at }
func (e *index) position() Position   { return e.at }
func (e *unary) position() Position   { return e.at }
func (e *binary) position() Position  { return e.at }
func (e *ternary) position() Position { return e.at }
func (e *lambda) position() Position  { return e.at }
func (e *loop) position() Position    { return e.at }

// Type is what values are declared to be.
type Type interface{ describe() string }

type (
	// namedType is string, int, bool, or a declared type.
	namedType struct {
		at   Position
		name string
	}
	arrayType struct{ item Type }
	fieldType struct {
		Declared
		typ Type
	}
	objectType struct {
		fields []fieldType
		others Type // of all other properties, or nil
	}
	// choiceType is one of several literals.
	choiceType struct{ values []any }
)

func (t *namedType) describe() string  { return t.name }
func (t *arrayType) describe() string  { return t.item.describe() + "[]" }
func (t *objectType) describe() string { return "object" }
func (t *choiceType) describe() string { return "one of " + listed(t.values) }
