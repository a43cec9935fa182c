package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/davit-dev/davit"
	"github.com/davit-dev/davit/internal/client"
	"github.com/davit-dev/davit/internal/config"
)

const defaultFile = "davit.yaml"

// addPlaceFlags adds the flags that say which application is meant.
func (a *app) addPlaceFlags(cmd *cobra.Command) {
	cmd.Flags().StringVarP(&a.file, "file", "f", "", "configuration to take the application's name from (default davit.yaml, where there is one)")
	cmd.Flags().StringVarP(&a.application, "application", "a", "", "name of the application")
}

// applicationOf returns the application whose environment is meant: the one
// that is named, else that of davit.yaml here, else the only one on the server
// that has an environment of that name.
func (a *app) applicationOf(ctx context.Context, c *client.Client, environment string) (string, error) {
	if a.application != "" {
		return a.application, nil
	}
	if name, err := a.applicationInFile(); name != "" || err != nil {
		return name, err
	}
	environments, err := c.Environments(ctx)
	if err != nil {
		return "", err
	}
	var having []string
	for _, e := range environments {
		if e.Name == environment {
			having = append(having, e.Application)
		}
	}
	slices.Sort(having)
	switch len(having) {
	case 1:
		return having[0], nil
	case 0:
		return "", &davit.Error{
			Code: davit.CodeNotFound, Message: fmt.Sprintf("the server knows no environment %q", environment),
			Hint: "davit status lists what it knows",
		}
	}
	return "", &davit.Error{
		Code:    davit.CodeInvalid,
		Message: fmt.Sprintf("the environment %q is one of several applications: %s", environment, strings.Join(having, ", ")),
		Hint:    "name one with --application, or run davit in the folder of its davit.yaml",
	}
}

// applicationInFile returns the name of the application in the configuration
// that is named, or in the davit.yaml of the working directory; "" when neither
// is there. A davit.yaml that is wrong is no reason to guess.
func (a *app) applicationInFile() (string, error) {
	path := a.file
	if path == "" {
		if _, err := os.Stat(defaultFile); errors.Is(err, os.ErrNotExist) {
			return "", nil
		}
		path = defaultFile
	}
	f, err := config.Load(path, checkVerifier())
	if err != nil {
		return "", err
	}
	return f.Application, nil
}

// target returns the client and application for a command on an environment.
func (a *app) target(ctx context.Context, environment string) (*client.Client, string, error) {
	c, err := a.client()
	if err != nil {
		return nil, "", err
	}
	application, err := a.applicationOf(ctx, c, environment)
	return c, application, err
}
