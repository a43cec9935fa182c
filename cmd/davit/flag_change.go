package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/davit-dev/davit"
	"github.com/davit-dev/davit/internal/api"
	"github.com/davit-dev/davit/internal/client"
)

// flagEdit is what the commands that change a flag have in common.
type flagEdit struct {
	environment, reason, at string
	dryRun                  bool
	contexts                contextsFile // for a dry run
}

// addChangeFlags adds the flags of a command that changes a flag or a segment.
func (a *app) addChangeFlags(cmd *cobra.Command, e *flagEdit) {
	a.addPlaceFlags(cmd)
	a.addReasonFlag(cmd, &e.reason, false)
	cmd.Flags().BoolVar(&e.dryRun, "dry-run", false, "change nothing, and show what would change")
}

// addFlagEdit adds the flags of a command that changes a flag.
func (a *app) addFlagEdit(cmd *cobra.Command, e *flagEdit) {
	a.addChangeFlags(cmd, e)
	cmd.Flags().Var(&e.contexts, "contexts", "with --dry-run: file with the contexts, in JSON, of users whose answers are compared (default users seen lately)")
	cmd.PreRunE = func(*cobra.Command, []string) error {
		if len(e.contexts) > 0 && !e.dryRun {
			return usageError(fmt.Errorf("--contexts is for --dry-run"))
		}
		return nil
	}
}

func (e *flagEdit) change() client.FlagChange {
	return client.FlagChange{DryRun: e.dryRun, Contexts: e.contexts}
}

// instruct changes a flag by intents, and says what it does now.
func (a *app) instruct(ctx context.Context, e *flagEdit, key string, instructions ...davit.FlagInstruction) error {
	ask := api.FlagInstructions{Instructions: instructions, Comment: e.reason}
	if e.at != "" {
		var err error
		if ask.At, err = atTime(e.at, a.now()); err != nil {
			return err
		}
	}
	c, application, err := a.flagTarget(ctx)
	if err != nil {
		return err
	}
	out, err := c.InstructFlag(ctx, application, key, ask, e.change())
	if err != nil {
		return err
	}
	return a.writeOutcome(out, e)
}

// writeOutcome prints what came of a change.
func (a *app) writeOutcome(out *davit.FlagOutcome, e *flagEdit) error {
	if a.json() {
		return a.writeJSON(out)
	}
	r := out.Record
	if e.dryRun {
		if err := writeDifference(a.stdout, printable(r.Flag.Key), out.Difference); err != nil {
			return err
		}
		if err := writeNeeded(a.stdout, out.Protected); err != nil {
			return err
		}
		return writeAffected(a.stdout, out.Affected, len(e.contexts) > 0)
	}
	if out.Proposal != nil {
		return writeProposed(a.stdout, out.Proposal)
	}
	what := "revision " + strconv.FormatInt(r.Revision, 10)
	switch {
	case r.Deleted:
		what = "removed; its history stays"
	case !out.Changed:
		what += ", as before: it was so already"
	}
	if settings, there := r.Flag.Environments[e.environment]; there && !r.Deleted {
		what = e.environment + ": " + settingsText(settings) + " (" + what + ")"
	}
	_, err := fmt.Fprintf(a.stdout, "%s %s\n", printable(r.Flag.Key), printable(what))
	return err
}

// writeDifference prints what would change.
func writeDifference(w io.Writer, what string, difference []davit.FlagDifference) error {
	fmt.Fprintf(w, "%s would change (nothing was changed):\n", what)
	for _, d := range difference {
		fmt.Fprintf(w, "  %s: %s -> %s\n", printable(d.Path), jsonText(d.Before), jsonText(d.After))
	}
	if len(difference) > 0 {
		return nil
	}
	_, err := fmt.Fprintln(w, "  nothing: it is so already")
	return err
}

func jsonText(raw json.RawMessage) string {
	if raw == nil {
		return "nothing"
	}
	return printable(string(raw))
}

func (a *app) flagCreateCommand() *cobra.Command {
	var (
		e        flagEdit
		f        davit.Flag
		variants []string
		kind     string
		lifetime time.Duration
	)
	cmd := &cobra.Command{
		Use: "create KEY", Short: "Make a flag, which is off everywhere", Args: cobra.ExactArgs(1),
		Example: "davit flag create checkout-v2 --type boolean --kind release --lifetime 336h\n" +
			"davit flag create colour --type string --variant blue=#00f --variant red=#f00",
		RunE: func(cmd *cobra.Command, args []string) error {
			c, application, err := a.flagTarget(cmd.Context())
			if err != nil {
				return err
			}
			f.Key, f.Kind, f.Lifetime = args[0], davit.FlagKind(kind), davit.Duration(lifetime)
			if f.Variants, err = variantsOf(f.Type, variants); err != nil {
				return err
			}
			out, err := c.CreateFlag(cmd.Context(), application, api.FlagCreation{Flag: f, Comment: e.reason}, e.change())
			if err != nil {
				return err
			}
			return a.writeOutcome(out, &e)
		},
	}
	a.addFlagEdit(cmd, &e)
	flags := cmd.Flags()
	flags.StringVar((*string)(&f.Type), "type", string(davit.FlagBoolean), "boolean, string, number or object")
	flags.StringArrayVar(&variants, "variant", nil, "NAME=VALUE of a variant, for each; a boolean flag has on and off")
	flags.StringVar(&kind, "kind", "", "release, experiment, operational or permission")
	flags.DurationVar(&lifetime, "lifetime", 0, "how long the flag is expected to be needed, such as 720h (default 960h for release, 1440h for experiment, for good for others)")
	flags.StringVar(&f.Description, "description", "", "what the flag is for")
	flags.StringVar(&f.Owner, "owner", "", "whom to ask about it")
	flags.StringSliceVar(&f.Tags, "tag", nil, "tags to find it by")
	flags.BoolVar(&f.ClientSide, "client-side", false, "let client keys see it, which stand in web pages")
	return cmd
}

// variantsOf returns the variants that NAME=VALUE texts tell.
func variantsOf(kind davit.FlagType, texts []string) ([]davit.FlagVariant, error) {
	if len(texts) == 0 && kind == davit.FlagBoolean {
		return davit.BooleanVariants(), nil
	}
	if len(texts) == 0 {
		return nil, usageError(fmt.Errorf("a flag of type %s needs its variants: --variant NAME=VALUE", kind))
	}
	var variants []davit.FlagVariant
	for _, text := range texts {
		name, value, ok := strings.Cut(text, "=")
		if !ok {
			return nil, usageError(fmt.Errorf("%q is no NAME=VALUE", text))
		}
		raw := json.RawMessage(value)
		if kind == davit.FlagString {
			raw, _ = json.Marshal(value) // a text has a JSON
		}
		if !json.Valid(raw) {
			return nil, usageError(fmt.Errorf("%q is no %s", value, kind))
		}
		variants = append(variants, davit.FlagVariant{Name: name, Value: raw})
	}
	return variants, nil
}

func (a *app) flagDeleteCommand() *cobra.Command {
	var e flagEdit
	cmd := &cobra.Command{
		Use: "delete KEY", Short: "Remove a flag; applications take their own default then", Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			c, application, err := a.flagTarget(cmd.Context())
			if err != nil {
				return err
			}
			out, err := c.DeleteFlag(cmd.Context(), application, args[0], e.reason, e.change())
			if err != nil {
				return err
			}
			return a.writeOutcome(out, &e)
		},
	}
	a.addFlagEdit(cmd, &e)
	return cmd
}

func (a *app) flagOnCommand() *cobra.Command {
	return a.flagSwitch("on", "Turn a flag on in an environment", davit.TurnOn)
}

func (a *app) flagOffCommand() *cobra.Command {
	return a.flagSwitch("off", "Turn a flag off in an environment, at once", davit.TurnOff)
}

func (a *app) flagSwitch(use, short string, kind davit.FlagInstructionKind) *cobra.Command {
	var e flagEdit
	cmd := &cobra.Command{
		Use: use + " KEY", Short: short, Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.instruct(cmd.Context(), &e, args[0], davit.FlagInstruction{Kind: kind, Environment: e.environment})
		},
	}
	a.addFlagEdit(cmd, &e)
	addAtFlag(cmd, &e)
	addEnvironmentFlag(cmd, &e.environment)
	return cmd
}

func (a *app) flagSetCommand() *cobra.Command {
	var (
		e                 flagEdit
		serve, off, patch string
	)
	cmd := &cobra.Command{
		Use: "set KEY", Short: "Say which variant a flag serves, or change any part of it", Args: cobra.ExactArgs(1),
		Long: `Say which variant a flag serves to those whom no target and no rule names, which
one while it is off, or change any part of it by a JSON merge patch (RFC 7396).`,
		Example: "davit flag set colour --serve red -e staging\n" +
			`davit flag set colour --patch '{"description": "of the buttons"}'`,
		RunE: func(cmd *cobra.Command, args []string) error {
			if patch != "" {
				return a.patchFlag(cmd.Context(), &e, args[0], patch)
			}
			var instructions []davit.FlagInstruction
			if cmd.Flags().Changed("serve") {
				instructions = append(instructions, davit.FlagInstruction{Kind: davit.Serve, Environment: e.environment, Variant: serve})
			}
			if cmd.Flags().Changed("off") {
				instructions = append(instructions, davit.FlagInstruction{Kind: davit.SetOff, Environment: e.environment, Variant: off})
			}
			if len(instructions) == 0 {
				return usageError(fmt.Errorf("say what to set: --serve, --off or --patch"))
			}
			return a.instruct(cmd.Context(), &e, args[0], instructions...)
		},
	}
	a.addFlagEdit(cmd, &e)
	addAtFlag(cmd, &e)
	addEnvironmentFlag(cmd, &e.environment)
	cmd.Flags().StringVar(&serve, "serve", "", "variant to serve; empty leaves it to the application")
	cmd.Flags().StringVar(&off, "off", "", "variant to serve while the flag is off; empty leaves it to the application")
	cmd.Flags().StringVar(&patch, "patch", "", "JSON merge patch of the flag")
	cmd.MarkFlagsMutuallyExclusive("patch", "serve")
	cmd.MarkFlagsMutuallyExclusive("patch", "off")
	cmd.MarkFlagsMutuallyExclusive("patch", "at")
	return cmd
}

func (a *app) patchFlag(ctx context.Context, e *flagEdit, key, patch string) error {
	if !json.Valid([]byte(patch)) {
		return usageError(fmt.Errorf("the merge patch is no JSON"))
	}
	c, application, err := a.flagTarget(ctx)
	if err != nil {
		return err
	}
	out, err := c.PatchFlag(ctx, application, key, json.RawMessage(patch), e.reason, e.change())
	if err != nil {
		return err
	}
	return a.writeOutcome(out, e)
}

func (a *app) flagTargetCommand() *cobra.Command {
	var (
		e       flagEdit
		variant string
		remove  bool
	)
	cmd := &cobra.Command{
		Use: "target KEY USER...", Short: "Name users who get a variant, whatever the rules say", Args: cobra.MinimumNArgs(2),
		Example: "davit flag target checkout-v2 anna bo --variant on\n" +
			"davit flag target checkout-v2 bo --remove",
		RunE: func(cmd *cobra.Command, args []string) error {
			i := davit.FlagInstruction{Kind: davit.AddTargets, Environment: e.environment, Variant: variant, Values: args[1:]}
			if remove {
				i.Kind = davit.RemoveTargets
			} else if variant == "" {
				return usageError(fmt.Errorf("say which variant they get: --variant"))
			}
			return a.instruct(cmd.Context(), &e, args[0], i)
		},
	}
	a.addFlagEdit(cmd, &e)
	addAtFlag(cmd, &e)
	addEnvironmentFlag(cmd, &e.environment)
	cmd.Flags().StringVar(&variant, "variant", "", "variant that they get; with --remove, from which alone they are removed")
	cmd.Flags().BoolVar(&remove, "remove", false, "name them no more")
	return cmd
}

func (a *app) flagSplitCommand() *cobra.Command {
	var (
		e  flagEdit
		by string
	)
	cmd := &cobra.Command{
		Use: "split KEY VARIANT=PERCENT...", Short: "Serve variants to percentages of the users", Args: cobra.MinimumNArgs(2),
		Long: `Serve variants to percentages of the users whom no target and no rule names, with
three decimals. When one variant is left out it gets the rest. Users keep what
they have, as far as the percentages let them, and are told apart as before
unless --by says otherwise.`,
		Example: "davit flag split checkout-v2 on=5",
		RunE: func(cmd *cobra.Command, args []string) error {
			percentages, err := a.percentages(cmd.Context(), args[0], args[1:])
			if err != nil {
				return err
			}
			return a.instruct(cmd.Context(), &e, args[0],
				davit.FlagInstruction{Kind: davit.SetPercentages, Environment: e.environment, Percentages: percentages, By: by})
		},
	}
	a.addFlagEdit(cmd, &e)
	addAtFlag(cmd, &e)
	addEnvironmentFlag(cmd, &e.environment)
	cmd.Flags().StringVar(&by, "by", "", "attribute that users are told apart by (default as before, or else targetingKey)")
	return cmd
}

// percentages reads VARIANT=PERCENT texts, and gives the rest to the one variant
// of the flag that they leave out.
func (a *app) percentages(ctx context.Context, key string, texts []string) (map[string]float64, error) {
	percentages, thousandths := map[string]float64{}, 0.0
	for _, text := range texts {
		variant, number, _ := strings.Cut(text, "=")
		percent, err := strconv.ParseFloat(strings.TrimSuffix(number, "%"), 64)
		if _, twice := percentages[variant]; err != nil || variant == "" || twice {
			return nil, usageError(fmt.Errorf("%q is no VARIANT=PERCENT, or the variant comes twice", text))
		}
		percentages[variant] = percent
		thousandths += percent * 1000
	}
	c, application, err := a.flagTarget(ctx)
	if err != nil {
		return nil, err
	}
	record, err := c.Flag(ctx, application, key)
	if err != nil {
		return nil, err
	}
	var left []string
	for _, v := range record.Flag.Variants {
		if _, given := percentages[v.Name]; !given {
			left = append(left, v.Name)
		}
	}
	if rest := davit.FlagWhole - int(thousandths+0.5); rest > 0 && len(left) == 1 {
		percentages[left[0]] = float64(rest) / 1000
	}
	return percentages, nil
}
