package infra

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// largestPlan is how large a plan may be, in bytes: one of a hundred resources is 1 MB.
const largestPlan = 256 << 20

// ErrNoJudge says that there is a plan, and nothing to judge it with.
var ErrNoJudge = errors.New("neither opa nor go is installed")

// ErrNoPlan says that the plan cannot be read.
var ErrNoPlan = errors.New("there is no such plan")

// policies has those beside the folder judge a plan: one that Terraform saved, or its
// JSON. They are in Rego. What evaluates them is not in Davit, whose program it would
// make twice as large for this alone: it is opa, or without it Go and the module
// beside the policies.
func (t terraform) policies(ctx context.Context, plan string) (Step, error) {
	s := Step{Name: StepPolicies, OK: true}
	folder, err := filepath.Abs(filepath.Join(t.folder, "..", "policy"))
	if err != nil {
		return s, fmt.Errorf("looking for policies: %w", err)
	}
	if plan == "" {
		s.Skipped, s.Detail = true, "no plan was given (--plan), so the policies in "+folder+" were not run"
		return s, nil
	}
	if !t.hasPolicies() {
		s.OK, s.Problems = false, []string{"there are no policies in " + folder + ": the plan was not judged"}
		return s, nil
	}
	document, complaints, err := t.document(ctx, plan)
	if err != nil {
		return s, err
	}
	if len(complaints) > 0 {
		s.OK, s.Problems = false, complaints
		return s, nil
	}
	found, judge, err := judge(ctx, folder, document)
	if err != nil {
		return s, err
	}
	s.OK, s.Detail = len(found) == 0, "judged by "+judge
	for _, v := range found {
		s.Problems = append(s.Problems, v.Address+": "+v.Says)
	}
	return s, nil
}

// hasPolicies is whether there are policies beside the folder.
func (t terraform) hasPolicies() bool {
	files, err := filepath.Glob(filepath.Join(t.folder, "..", "policy", "*.rego"))
	return err == nil && len(files) > 0
}

// document is a plan as JSON, or what is wrong with it.
func (t terraform) document(ctx context.Context, plan string) (document []byte, complaints []string, err error) {
	if plan, err = filepath.Abs(plan); err != nil {
		return nil, nil, fmt.Errorf("looking for the plan: %w", err)
	}
	document, err = readBounded(plan)
	if err != nil {
		return nil, nil, err
	}
	if !bytes.HasPrefix(bytes.TrimSpace(document), []byte("{")) {
		out, complaints, ok, err := t.run(ctx, "show", "-json", "-no-color", plan)
		if err != nil {
			return nil, nil, err
		}
		if !ok {
			return nil, lines(complaints), nil
		}
		document = []byte(out)
	}
	var is struct {
		Version       string          `json:"format_version"`
		Changes       json.RawMessage `json:"resource_changes"`
		Configuration json.RawMessage `json:"configuration"`
	}
	// In anything else the policies would find nothing wrong.
	if err := json.Unmarshal(document, &is); err != nil || is.Version == "" || is.Changes == nil || is.Configuration == nil {
		return nil, []string{plan + " is no plan of Terraform's: save one with terraform plan -out, or give what terraform show -json says of it"}, nil
	}
	return document, nil, nil
}

func readBounded(file string) ([]byte, error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrNoPlan, err)
	}
	defer f.Close() //nolint:errcheck // nothing is written
	data, err := io.ReadAll(io.LimitReader(f, largestPlan+1))
	if err != nil {
		return nil, fmt.Errorf("reading the plan: %w", err)
	}
	if len(data) > largestPlan {
		return nil, fmt.Errorf("the plan %s is larger than %d MB", file, largestPlan>>20)
	}
	return data, nil
}

// violation is what a policy finds wrong with a plan.
type violation struct {
	Address string `json:"address"`
	Says    string `json:"says"`
}

// judge asks the policies in a folder what is wrong with a plan, by whichever program
// is there, and says which that was.
func judge(ctx context.Context, folder string, plan []byte) (found []violation, by string, err error) {
	validate := filepath.Join(folder, "..", "validate")
	if program, err := exec.LookPath("opa"); err == nil {
		var answer struct {
			Result []struct {
				Expressions []struct {
					Value []violation `json:"value"`
				} `json:"expressions"`
			} `json:"result"`
		}
		if err := answered(ctx, exec.CommandContext(ctx, program, "eval", "--stdin-input", "--data", folder, "--format", "json", "data.infra.deny"), plan, &answer); err != nil {
			return nil, "", err
		}
		if len(answer.Result) != 1 || len(answer.Result[0].Expressions) != 1 {
			return nil, "", fmt.Errorf("the policies in %s have no data.infra.deny", folder)
		}
		return answer.Result[0].Expressions[0].Value, "opa", nil
	}
	program, err := exec.LookPath("go")
	if err != nil {
		return nil, "", ErrNoJudge
	}
	if _, err := os.Stat(filepath.Join(validate, "judge")); err != nil {
		return nil, "", fmt.Errorf("%w, or go is, without the module beside the policies: %w", ErrNoJudge, err)
	}
	cmd := exec.CommandContext(ctx, program, "run", "./judge", folder)
	cmd.Dir = validate
	if err := answered(ctx, cmd, plan, &found); err != nil {
		return nil, "", err
	}
	return found, "go, with infra/validate", nil
}

// answered runs a program on a plan, and decodes what it answers.
func answered(ctx context.Context, cmd *exec.Cmd, plan []byte, into any) error {
	cmd.Stdin = bytes.NewReader(plan)
	out, complaints, ok, err := run(ctx, cmd)
	if err != nil {
		return err
	}
	if !ok {
		return fmt.Errorf("%s did not judge the plan: %s", filepath.Base(cmd.Path), strings.Join(lines(out+"\n"+complaints), " "))
	}
	if err := json.Unmarshal([]byte(out), into); err != nil {
		return fmt.Errorf("reading what %s answered: %w", filepath.Base(cmd.Path), err)
	}
	return nil
}
