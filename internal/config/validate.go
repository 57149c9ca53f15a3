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

// problems gathers what Validate finds.
type problems []error

// need adds a problem of a key unless ok.
func (p *problems) need(ok bool, key, value, problem string) {
	if !ok {
		*p = append(*p, &Error{Key: key, Value: value, Problem: problem})
	}
}

func (p *problems) add(err error) {
	if err != nil {
		*p = append(*p, err)
	}
}

func (p *problems) join() error { return errors.Join(*p...) }
