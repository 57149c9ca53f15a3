package config

import (
	"errors"
	"maps"
	"reflect"
	"strings"

	"github.com/spf13/pflag"
)

// Sources are where a configuration comes from, the later ones winning.
type Sources struct {
	// File is the path of the YAML file; empty for none.
	File string
	// Environ is in the form of os.Environ. A key's variable is the program's prefix
	// and the key in capitals: HCSROUTED_LISTEN_LOCAL_ADDRESS. Lists are separated by commas.
	Environ []string
	// Flags, where set, holds what BindFlags defined; only flags that were
	// given count.
	Flags *pflag.FlagSet
}

// load fills the struct that target points to, which holds the defaults. It
// returns where each key was given.
func (s Sources) load(prefix string, target any) (where map[string]string, err error) {
	var errs []error
	where = map[string]string{}
	if s.File != "" {
		lines, err := decodeFile(s.File, target)
		maps.Copy(where, lines)
		errs = append(errs, err)
	}
	keys := leaves(reflect.TypeOf(target).Elem(), nil)
	known := map[string][]string{}
	for _, k := range keys {
		known[prefix+strings.ToUpper(strings.Join(k.path, "_"))] = k.path
	}
	for _, entry := range s.Environ {
		name, text, _ := strings.Cut(entry, "=")
		if !strings.HasPrefix(name, prefix) || name == prefix+"CONFIG" {
			continue // CONFIG names the file; the program reads it
		}
		path, ok := known[name]
		if !ok {
			errs = append(errs, &Error{Where: "environment " + name, Problem: "no such setting"})
			continue
		}
		where[strings.Join(path, ".")] = "environment " + name
		errs = append(errs, override(target, path, text, "environment "+name))
	}
	if s.Flags != nil {
		for _, k := range keys {
			if f := s.Flags.Lookup(flagName(k.path)); f != nil && f.Changed {
				where[strings.Join(k.path, ".")] = "flag --" + f.Name
				errs = append(errs, override(target, k.path, f.Value.String(), "flag --"+f.Name))
			}
		}
	}
	return where, errors.Join(errs...)
}

// BindFlags defines one flag for each key of the configuration that target
// points to: listen.local.address becomes --listen-local-address.
func BindFlags(fs *pflag.FlagSet, target any) {
	for _, k := range leaves(reflect.TypeOf(target).Elem(), nil) {
		help := "overrides " + strings.Join(k.path, ".")
		if k.help != "" {
			help = k.help
		}
		fs.String(flagName(k.path), "", help)
	}
}

// Lookup is the last value of an environment variable; empty where it is not set.
func Lookup(environ []string, name string) (value string) {
	for _, entry := range environ {
		if v, ok := strings.CutPrefix(entry, name+"="); ok {
			value = v
		}
	}
	return value
}

func flagName(path []string) string {
	return strings.ReplaceAll(strings.Join(path, "-"), "_", "-")
}

type leaf struct {
	path []string
	help string
}

// leaves lists the keys that hold a value or a list of single values.
func leaves(t reflect.Type, path []string) []leaf {
	var out []leaf
	for _, f := range fieldsOf(reflect.New(t).Elem()) {
		here := append(path[:len(path):len(path)], f.name)
		ft := f.value.Type()
		if ft.Kind() == reflect.Pointer {
			ft = ft.Elem()
		}
		probe := reflect.New(ft).Elem()
		switch {
		case isScalar(probe), ft.Kind() == reflect.Slice && isScalar(reflect.New(ft.Elem()).Elem()):
			out = append(out, leaf{path: here, help: f.help})
		case ft.Kind() == reflect.Struct:
			out = append(out, leaves(ft, here)...)
		}
	}
	return out
}

// override sets one key from text. Relative paths stay relative to the
// working folder, as those who type them expect.
func override(target any, path []string, text, where string) error {
	v := reflect.ValueOf(target).Elem()
	for _, name := range path {
		v = find(fieldsOf(v), name).value
		if v.Kind() == reflect.Pointer {
			if v.IsNil() {
				v.Set(reflect.New(v.Type().Elem()))
			}
			v = v.Elem()
		}
	}
	fail := func(value, problem string) error {
		return &Error{Where: where, Key: strings.Join(path, "."), Value: value, Problem: problem}
	}
	if isScalar(v) {
		if problem := setScalar(v, text, ""); problem != "" {
			return fail(text, problem)
		}
		return nil
	}
	list := reflect.MakeSlice(v.Type(), 0, 0)
	for _, part := range strings.Split(text, ",") {
		if part = strings.TrimSpace(part); part == "" {
			continue
		}
		item := reflect.New(v.Type().Elem()).Elem()
		if problem := setScalar(item, part, ""); problem != "" {
			return fail(part, problem)
		}
		list = reflect.Append(list, item)
	}
	v.Set(list)
	return nil
}

// changedKeys names the keys in which two configurations of one type differ.
func changedKeys(a, b any) (keys []string) {
	for _, k := range leaves(reflect.TypeOf(a), nil) {
		if !reflect.DeepEqual(at(reflect.ValueOf(a), k.path), at(reflect.ValueOf(b), k.path)) {
			keys = append(keys, strings.Join(k.path, "."))
		}
	}
	return keys
}

// at is the value of one key; nil in a part that is not given.
func at(v reflect.Value, path []string) any {
	for _, name := range path {
		if v.Kind() == reflect.Pointer {
			if v.IsNil() {
				return nil
			}
			v = v.Elem()
		}
		v = find(fieldsOf(v), name).value
	}
	return v.Interface()
}
