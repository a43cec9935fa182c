package openfeature

import (
	"context"
	"errors"
	"fmt"
	"math"
	"strconv"
	"time"

	sdk "github.com/open-feature/go-sdk/openfeature"

	"github.com/davit-dev/davit"
	"github.com/davit-dev/davit/internal/flag"
)

// BooleanEvaluation evaluates a boolean flag.
func (p *Provider) BooleanEvaluation(_ context.Context, key string, fallback bool, about sdk.FlattenedContext) sdk.BoolResolutionDetail {
	return evaluate(p, key, davit.FlagBoolean, fallback, about, as[bool])
}

// StringEvaluation evaluates a flag of texts.
func (p *Provider) StringEvaluation(_ context.Context, key, fallback string, about sdk.FlattenedContext) sdk.StringResolutionDetail {
	return evaluate(p, key, davit.FlagString, fallback, about, as[string])
}

// FloatEvaluation evaluates a flag of numbers.
func (p *Provider) FloatEvaluation(_ context.Context, key string, fallback float64, about sdk.FlattenedContext) sdk.FloatResolutionDetail {
	return evaluate(p, key, davit.FlagNumber, fallback, about, as[float64])
}

// IntEvaluation evaluates a flag of numbers, of which the one served must be whole.
func (p *Provider) IntEvaluation(_ context.Context, key string, fallback int64, about sdk.FlattenedContext) sdk.IntResolutionDetail {
	return evaluate(p, key, davit.FlagNumber, fallback, about, whole)
}

// ObjectEvaluation evaluates a flag of objects. The answer is shared, and not to be
// changed.
func (p *Provider) ObjectEvaluation(_ context.Context, key string, fallback any, about sdk.FlattenedContext) sdk.InterfaceResolutionDetail {
	return evaluate(p, key, davit.FlagObject, fallback, about, as[any])
}

// as returns a value of the type that its flag has.
func as[T any](r flag.Result) (T, bool) {
	v, ok := r.Decoded().(T)
	return v, ok
}

// whole returns a number that is whole and exact.
func whole(r flag.Result) (int64, bool) {
	if n, err := strconv.ParseInt(string(r.Value), 10, 64); err == nil {
		return n, true
	}
	n, ok := r.Decoded().(float64) // such as 1e3
	return int64(n), ok && n == math.Trunc(n) && math.Abs(n) < 1<<53
}

// evaluate evaluates a flag of a type.
func evaluate[T any](p *Provider, key string, kind davit.FlagType, fallback T, about sdk.FlattenedContext, of func(flag.Result) (T, bool)) sdk.GenericResolutionDetail[T] {
	failed := func(err sdk.ResolutionError) sdk.GenericResolutionDetail[T] {
		return sdk.GenericResolutionDetail[T]{Value: fallback, ProviderResolutionDetail: sdk.ProviderResolutionDetail{ResolutionError: err, Reason: sdk.ErrorReason}}
	}
	state := p.state.Load()
	if state == nil {
		return failed(sdk.NewProviderNotReadyResolutionError("the server has given no flags yet"))
	}
	if has := state.compiled.Type(key); has != "" && has != kind {
		return failed(sdk.NewTypeMismatchResolutionError(fmt.Sprintf("flag %s is of type %s", key, has)))
	}
	c, err := flag.NewContext(about, time.Now())
	if err != nil {
		return failed(contextError(err))
	}
	state.uses.note(key)
	r := state.compiled.Evaluate(key, c)
	if r.Error != "" {
		return failed(resolutionError(r.Error, r.Message))
	}
	out := sdk.GenericResolutionDetail[T]{Value: fallback, ProviderResolutionDetail: sdk.ProviderResolutionDetail{
		Reason: sdk.Reason(r.Reason), Variant: r.Variant, FlagMetadata: r.Metadata,
	}}
	if r.Value == nil {
		return out // the program's own default is meant
	}
	value, ok := of(r)
	if !ok {
		return failed(sdk.NewTypeMismatchResolutionError(fmt.Sprintf("flag %s serves %s", key, r.Value)))
	}
	out.Value = value
	return out
}

func contextError(err error) sdk.ResolutionError {
	if e, ok := errors.AsType[*flag.ContextError](err); ok {
		return resolutionError(e.Code, e.Message)
	}
	return sdk.NewInvalidContextResolutionError(err.Error())
}

func resolutionError(code flag.ErrorCode, message string) sdk.ResolutionError {
	switch code {
	case flag.FlagNotFound:
		return sdk.NewFlagNotFoundResolutionError(message)
	case flag.ParseError:
		return sdk.NewParseErrorResolutionError(message)
	case flag.TypeMismatch:
		return sdk.NewTypeMismatchResolutionError(message)
	case flag.TargetingKeyMissing:
		return sdk.NewTargetingKeyMissingResolutionError(message)
	case flag.InvalidContext:
		return sdk.NewInvalidContextResolutionError(message)
	default:
		return sdk.NewGeneralResolutionError(message)
	}
}
