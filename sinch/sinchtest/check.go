package sinchtest

import (
	"cmp"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strconv"

	"parley/sms"
	"parley/sms/numbers"
)

func (f Faults) clone() Faults {
	f.Errors, f.ReadErrors, f.TokenErrors = maps.Clone(f.Errors), maps.Clone(f.ReadErrors), maps.Clone(f.TokenErrors)
	f.FailNumbers, f.Next, f.Answers = maps.Clone(f.FailNumbers), slices.Clone(f.Next), maps.Clone(f.Answers)
	for on, rates := range f.Answers {
		f.Answers[on] = maps.Clone(rates)
	}
	return f
}

// Check names the first thing in the faults that makes no sense.
func (f Faults) Check() error {
	f = f.clone()
	return f.normalize()
}

// normalize fills in defaults, and names the first thing that makes no sense.
func (f *Faults) normalize() error {
	return firstError(
		f.checkRates(),
		known("receipts", f.Receipts, NoFinalReceipts, NoReceipts),
		known("expires_in", f.ExpiresIn, ExpiresInZero, ExpiresInNegative, ExpiresInMissing, ExpiresInString),
		f.List.check(),
		f.normalizeNumbers(),
		f.normalizeNext(),
	)
}

func (f *Faults) checkRates() error {
	rates := map[string]float64{
		"accept_then_500": f.AcceptThen500, "accept_then_hang": f.AcceptThenHang, "reset_after": f.ResetAfter,
		"reset_before": f.ResetBefore, "slow": f.Slow, "callbacks_first": f.CallbacksFirst, "fail": f.Fail,
		"revoke_tokens":       f.RevokeTokens,
		"callbacks.duplicate": f.Callbacks.Duplicate, "callbacks.delay": f.Callbacks.Delay,
		"callbacks.reverse": f.Callbacks.Reverse, "callbacks.drop": f.Callbacks.Drop,
		"callbacks.resigned": f.Callbacks.Resigned, "callbacks.future": f.Callbacks.Future,
		"strays.other_number": f.Strays.OtherNumber, "strays.foreign_metadata": f.Strays.ForeignMetadata,
		"strays.unknown_status": f.Strays.UnknownStatus,
	}
	for name, byStatus := range map[string]map[int]float64{
		"errors": f.Errors, "read_errors": f.ReadErrors, "token_errors": f.TokenErrors,
	} {
		for status, rate := range byStatus {
			if status < 400 || status > 599 {
				return fmt.Errorf("%s: %d is not an HTTP error status", name, status)
			}
			rates[name+"."+strconv.Itoa(status)] = rate
		}
	}
	for on, byName := range f.Answers {
		for name, rate := range byName {
			if !slices.Contains(faultsOf[on], name) || !decidesAnswer(name) {
				return fmt.Errorf("answers: there is no fault %q of the answer to %q", name, on)
			}
			rates["answers."+string(on)+"."+name] = rate
		}
	}
	for _, name := range slices.Sorted(maps.Keys(rates)) {
		if rate := rates[name]; !(rate >= 0 && rate <= 1) { // so written because of NaN
			return fmt.Errorf("%s must lie between 0 and 1", name)
		}
	}
	return nil
}

func (l ListFaults) check() error {
	switch {
	case l.Page < 0:
		return fmt.Errorf("list.page is %d", l.Page)
	case l.Others < 0:
		return fmt.Errorf("list.others is %d", l.Others)
	}
	return known("list.token", l.Token, ListTokenLooping, ListTokenWrong)
}

const defaultFailure = "RECIPIENT_NOT_REACHABLE"

func (f *Faults) normalizeNumbers() error {
	failing := make(map[sms.Number]string, len(f.FailNumbers))
	for number, reason := range f.FailNumbers {
		parsed, err := numbers.Parse(string(number))
		if err != nil {
			return fmt.Errorf("fail_numbers: %w", err)
		}
		failing[parsed] = cmp.Or(reason, defaultFailure)
	}
	f.FailNumbers = failing
	return nil
}

func (f *Faults) normalizeNext() error {
	for i := range f.Next {
		next := &f.Next[i]
		next.On = cmp.Or(next.On, OnSend)
		next.Times = cmp.Or(next.Times, 1)
		if !slices.Contains(faultsOf[next.On], next.Fault) {
			return fmt.Errorf("next: there is no fault %q on %q; known: %v", next.Fault, next.On, faultsOf[next.On])
		}
		if err := next.check(); err != nil {
			return fmt.Errorf("next: %w", err)
		}
	}
	return nil
}

func (o OneShot) check() error {
	lowest, highest := http.StatusBadRequest, 599
	if o.Fault == FaultRedirect {
		lowest, highest = http.StatusMultipleChoices, 399
	}
	switch {
	case o.Times < 0:
		return fmt.Errorf("times is %d", o.Times)
	case o.Status != 0 && (o.Status < lowest || o.Status > highest):
		return fmt.Errorf("the status of %q lies between %d and %d", o.Fault, lowest, highest)
	case o.To != "" && o.On != OnSend && o.On != OnCallback:
		return fmt.Errorf("to is for %q and %q, not for %q", OnSend, OnCallback, o.On)
	}
	return nil
}

// known complains of a value that is neither empty nor one of those.
func known[T ~string](field string, value T, values ...T) error {
	if value == "" || slices.Contains(values, value) {
		return nil
	}
	return fmt.Errorf("%s is %q: it can be empty or one of %q", field, value, values)
}

func firstError(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}
