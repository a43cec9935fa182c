// Command judge reads a plan of Terraform's as JSON (terraform show -json) and writes
// what the policies in a folder find wrong with it, as JSON too:
//
//	go run ./judge ../policy <plan.json
//
// It is what davit infra check runs where opa is not installed.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/davit-dev/davit/infra/validate/policy"
)

func main() {
	if err := run(context.Background(), os.Args[1:], os.Stdin, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "judge:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string, in io.Reader, out io.Writer) error {
	if len(args) != 1 {
		return errors.New("name the folder of the policies")
	}
	var plan any
	if err := json.NewDecoder(in).Decode(&plan); err != nil {
		return fmt.Errorf("reading the plan: %w", err)
	}
	deny, err := policy.Compile(ctx, args[0], "deny")
	if err != nil {
		return err
	}
	found, err := deny.Judge(ctx, plan)
	if err != nil {
		return err
	}
	if err := json.NewEncoder(out).Encode(found); err != nil {
		return fmt.Errorf("writing what was found: %w", err)
	}
	return nil
}
