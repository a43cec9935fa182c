package validate

import (
	"os"

	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/function"
	"github.com/zclconf/go-cty/cty/function/stdlib"
)

// terraformFunctions are those that lead from one resource to another in infra/terraform.
var terraformFunctions = map[string]function.Function{
	"concat":     stdlib.ConcatFunc,
	"file":       fileFunction,
	"join":       stdlib.JoinFunc,
	"jsondecode": stdlib.JSONDecodeFunc,
	"length":     stdlib.LengthFunc,
	"merge":      stdlib.MergeFunc,
	"substr":     stdlib.SubstrFunc,
	"toset":      stdlib.MakeToFunc(cty.Set(cty.DynamicPseudoType)),
}

var fileFunction = function.New(&function.Spec{
	Params: []function.Parameter{{Name: "path", Type: cty.String}},
	Type:   function.StaticReturnType(cty.String),
	Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) {
		data, err := os.ReadFile(args[0].AsString())
		return cty.StringVal(string(data)), err
	},
})
