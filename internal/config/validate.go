package config

import "errors"

// located names the place of the keys in problems that Validate found.
func located(err error, where map[string]string) error {
	if err == nil {
		return nil
	}
	for _, e := range flatten(err) {
		var problem *Error
		if errors.As(e, &problem) && problem.Where == "" {
			problem.Where = where[problem.Key]
		}
	}
	return err
}

func flatten(err error) []error {
	if many, ok := err.(interface{ Unwrap() []error }); ok {
		return many.Unwrap()
	}
	return []error{err}
}

// asProblem is err without what the decoder says itself: key and value.
func asProblem(err error) error {
	var problem *Error
	if errors.As(err, &problem) {
		return errors.New(problem.Problem)
	}
	return err
}

func mustRange(s string) Range {
	var r Range
	if err := r.UnmarshalText([]byte(s)); err != nil {
		panic(err)
	}
	return r
}

// discard is a log's destination while its settings are validated.
type discard struct{}

func (discard) Write(p []byte) (int, error) { return len(p), nil }
