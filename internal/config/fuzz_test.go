package config

import (
	"errors"
	"testing"
)

// FuzzDecode feeds both configurations arbitrary files. What is taken is valid
// as a whole; what is refused names the key or the line.
func FuzzDecode(f *testing.F) {
	for _, text := range []string{
		whole, "", "node: k8s-master\nlisten: ['unix:///run/a.sock']\n", "a: &a [*a]\n", "log: {level: loud}\n", "listen: {local: {readers: {uids: [-1]}}}\n",
		"limits: {message: 99999999999GiB}\n", "policy: {protected: ['::-::1', 10.0.0.0-10.0.0.255]}\n", "store: ~\n", "? [a]\n: b\n",
	} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		service, agent := DefaultService(), DefaultAgent()
		for name, read := range map[string]func() error{
			"service": func() error { _, err := decode("f.yaml", data, &service); return errors.Join(err, service.Validate()) },
			"agent":   func() error { _, err := decode("f.yaml", data, &agent); return errors.Join(err, agent.Validate()) },
		} {
			err := read()
			if err == nil {
				continue
			}
			for _, one := range flatten(err) {
				for _, e := range flatten(one) {
					var problem *Error
					if !errors.As(e, &problem) || problem.Where == "" && problem.Key == "" || problem.Problem == "" {
						t.Fatalf("%s: %#v: %v", name, e, e)
					}
				}
			}
		}
		_ = service.Policy.Rules() // whatever was read, this is called on defaults, too
		if keys := changedKeys(service, service); len(keys) > 0 {
			t.Fatalf("a configuration differs from itself in %v", keys)
		}
	})
}
