// Package config reads the configuration of the service and of the agent:
// defaults, then the file, then the environment, then flags. Every error names
// the key, the value and where it stands.
package config

import (
	"bytes"
	"encoding"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"strconv"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/hcsroute/hcsroute/routes"
)

// Error is a bad value or key of a configuration.
type Error struct {
	Where   string // "file.yaml:12", "environment HCSROUTED_STORE_PATH", "flag --store-path"
	Key     string // dotted, such as listen.local.address
	Value   string
	Problem string
	Cause   error
}

// Error gives the whole message in one line.
func (e *Error) Error() string {
	var b strings.Builder
	if e.Where != "" {
		b.WriteString(e.Where + ": ")
	}
	if e.Key != "" {
		b.WriteString(e.Key + ": ")
	}
	if e.Value != "" {
		fmt.Fprintf(&b, "%.100q: ", e.Value)
	}
	b.WriteString(e.Problem)
	return b.String()
}

// Unwrap gives the cause.
func (e *Error) Unwrap() error { return e.Cause }

// maxFile is the largest configuration file that is read, in bytes.
const maxFile = 4 << 20

// decodeFile reads the YAML file at path into the struct that target points
// to, and returns where each key stands. Fields tagged `path:"true"` that are
// relative become relative to the file's folder.
func decodeFile(path string, target any) (where map[string]string, err error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, &Error{Where: path, Problem: plain(err), Cause: err}
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	if err != nil {
		return nil, &Error{Where: path, Problem: plain(err), Cause: err}
	}
	if len(data) > maxFile {
		return nil, &Error{Where: path, Problem: fmt.Sprintf("larger than %d bytes", maxFile)}
	}
	return decode(path, data, target)
}

// decode reads YAML into the struct that target points to. Keys that the
// struct does not have, and keys given twice, are refused; what the data does
// not mention keeps its value. All errors are returned, joined; each is an
// *Error with "name:line".
func decode(name string, data []byte, target any) (where map[string]string, err error) {
	doc, err := onlyDocument(name, data)
	if doc == nil || err != nil {
		return nil, err
	}
	dir, err := filepath.Abs(filepath.Dir(name))
	if err != nil {
		return nil, &Error{Where: name, Problem: plain(err), Cause: err}
	}
	d := decoder{name: name, dir: dir, where: map[string]string{}}
	d.value(doc.Content[0], "", reflect.ValueOf(target).Elem(), false)
	return d.where, errors.Join(d.errs...)
}

// onlyDocument reads the one document of a file; nil where it is empty. What
// stands in a second one would otherwise be left out without a word.
func onlyDocument(name string, data []byte) (*yaml.Node, error) {
	d := yaml.NewDecoder(bytes.NewReader(data))
	var docs [2]yaml.Node
	for i := range docs {
		err := d.Decode(&docs[i])
		switch {
		case errors.Is(err, io.EOF) && i == 0:
			return nil, nil
		case errors.Is(err, io.EOF):
			return &docs[0], nil
		case err != nil:
			return nil, unreadable(name, err)
		}
	}
	return nil, &Error{Where: fmt.Sprintf("%s:%d", name, docs[1].Line), Problem: "a second YAML document begins here; write everything into one"}
}

// unreadable is what is no YAML, with its line beside the name as everywhere.
func unreadable(name string, err error) *Error {
	problem := strings.TrimPrefix(err.Error(), "yaml: ")
	if at, ok := strings.CutPrefix(problem, "line "); ok {
		if line, rest, ok := strings.Cut(at, ": "); ok {
			name, problem = name+":"+line, rest
		}
	}
	return &Error{Where: name, Problem: problem, Cause: err}
}

// decoder fills structs from YAML nodes. yaml's own decoder knows neither the
// key nor the value in its errors.
type decoder struct {
	name, dir string
	where     map[string]string
	errs      []error
}

func (d *decoder) fail(n *yaml.Node, key, value, problem string) {
	d.errs = append(d.errs, &Error{Where: fmt.Sprintf("%s:%d", d.name, n.Line), Key: key, Value: value, Problem: problem})
}

func (d *decoder) value(n *yaml.Node, key string, v reflect.Value, isPath bool) {
	if n.Kind == yaml.AliasNode {
		n = n.Alias
	}
	if n.Tag == "!!null" {
		return // "key:" without a value keeps the default
	}
	if v.Kind() == reflect.Pointer {
		if v.IsNil() {
			v.Set(reflect.New(v.Type().Elem()))
		}
		v = v.Elem()
	}
	switch {
	case isScalar(v):
		if n.Kind != yaml.ScalarNode {
			d.fail(n, key, "", "want "+kindName(v)+", not a "+nodeName(n))
			return
		}
		if problem := setScalar(v, n.Value, pathBase(isPath, d.dir)); problem != "" {
			d.fail(n, key, n.Value, problem)
		}
	case v.Kind() == reflect.Slice:
		d.slice(n, key, v, isPath)
	case v.Kind() == reflect.Struct:
		d.mapping(n, key, v)
	default:
		panic("config: no support for " + v.Type().String())
	}
}

func (d *decoder) slice(n *yaml.Node, key string, v reflect.Value, isPath bool) {
	if n.Kind != yaml.SequenceNode {
		d.fail(n, key, n.Value, "want a list, such as [a, b]")
		return
	}
	out := reflect.MakeSlice(v.Type(), len(n.Content), len(n.Content))
	for i, item := range n.Content {
		d.value(item, fmt.Sprintf("%s[%d]", key, i), out.Index(i), isPath)
	}
	v.Set(out)
}

func (d *decoder) mapping(n *yaml.Node, key string, v reflect.Value) {
	if n.Kind != yaml.MappingNode {
		d.fail(n, key, n.Value, "want keys and values")
		return
	}
	fields := fieldsOf(v)
	seen := map[string]int{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		name, item := n.Content[i], n.Content[i+1]
		full := joinKey(key, name.Value)
		if line, twice := seen[name.Value]; twice {
			d.fail(name, full, "", fmt.Sprintf("given twice, first in line %d", line))
			continue
		}
		seen[name.Value] = name.Line
		f := find(fields, name.Value)
		if f == nil {
			d.fail(name, full, "", "unknown key; known here: "+strings.Join(names(fields), ", "))
			continue
		}
		d.where[full] = fmt.Sprintf("%s:%d", d.name, name.Line)
		d.value(item, full, f.value, f.path)
	}
}

// field is one key of a struct.
type field struct {
	name  string
	path  bool // a file path
	help  string
	value reflect.Value
}

func fieldsOf(v reflect.Value) []field {
	var out []field
	for i := range v.NumField() {
		t := v.Type().Field(i)
		name, _, _ := strings.Cut(t.Tag.Get("yaml"), ",")
		if name == "" || name == "-" {
			continue
		}
		out = append(out, field{name: name, path: t.Tag.Get("path") == "true", help: t.Tag.Get("help"), value: v.Field(i)})
	}
	return out
}

func find(fields []field, name string) *field {
	for i := range fields {
		if fields[i].name == name {
			return &fields[i]
		}
	}
	return nil
}

func names(fields []field) []string {
	var out []string
	for _, f := range fields {
		out = append(out, f.name)
	}
	return out
}

func joinKey(key, name string) string {
	if key == "" {
		return name
	}
	return key + "." + name
}

func isScalar(v reflect.Value) bool {
	if _, ok := v.Addr().Interface().(encoding.TextUnmarshaler); ok {
		return true
	}
	switch v.Kind() {
	case reflect.String, reflect.Bool, reflect.Int, reflect.Int64, reflect.Uint8, reflect.Uint32, reflect.Uint64:
		return true
	}
	return false
}

// setScalar reads text into v and returns what is wrong with it. base is put
// before a relative path; it is empty for what is no path.
func setScalar(v reflect.Value, text, base string) (problem string) {
	if u, ok := v.Addr().Interface().(encoding.TextUnmarshaler); ok {
		if err := u.UnmarshalText([]byte(text)); err != nil {
			return plain(err)
		}
		return ""
	}
	if v.Type() == reflect.TypeFor[time.Duration]() {
		dur, err := time.ParseDuration(text)
		if err != nil || dur < 0 {
			return "want a duration, such as 500ms, 10s or 5m"
		}
		v.SetInt(int64(dur))
		return ""
	}
	var err error
	switch v.Kind() {
	case reflect.String:
		if base != "" && text != "" && !filepath.IsAbs(text) {
			text = filepath.Join(base, text)
		}
		v.SetString(text)
	case reflect.Bool:
		var b bool
		if b, err = strconv.ParseBool(text); err == nil {
			v.SetBool(b)
		}
	case reflect.Int, reflect.Int64:
		var n uint64
		if n, err = routes.ParseDecimal(text); err == nil {
			if n > math.MaxInt64 || v.OverflowInt(int64(n)) {
				return "too large"
			}
			v.SetInt(int64(n))
		}
	case reflect.Uint8, reflect.Uint32, reflect.Uint64:
		var n uint64
		if n, err = routes.ParseDecimal(text); err == nil {
			if v.OverflowUint(n) {
				return "too large"
			}
			v.SetUint(n)
		}
	}
	switch {
	case err == nil:
		return ""
	case v.Kind() == reflect.Bool:
		return "want " + kindName(v)
	}
	return "want " + kindName(v) + ": " + err.Error()
}

func kindName(v reflect.Value) string {
	switch {
	case v.Type() == reflect.TypeFor[time.Duration]():
		return "a duration"
	case v.Kind() == reflect.Bool:
		return "true or false"
	case v.CanInt():
		return "a whole number"
	case v.CanUint():
		return "a whole number from 0 up"
	}
	return "a single value"
}

func nodeName(n *yaml.Node) string {
	if n.Kind == yaml.SequenceNode {
		return "list"
	}
	return "group of keys"
}

func pathBase(isPath bool, dir string) string {
	if !isPath {
		return ""
	}
	return dir
}

// plain is an operating system error without the path, which Where has.
func plain(err error) string {
	var pathErr *os.PathError
	if errors.As(err, &pathErr) {
		return pathErr.Err.Error()
	}
	return err.Error()
}
