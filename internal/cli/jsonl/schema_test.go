package jsonl_test

import (
	"encoding/json"
	"fmt"
	"os"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/hcsroute/hcsroute/internal/cli/view"
)

// schema validates the subset of JSON Schema 2020-12 that
// docs/json-lines.schema.json uses; a keyword that it does not know fails.
type schema struct {
	root map[string]any
	// closed refuses fields that the schema does not name, also where it allows them.
	closed bool
}

func loadSchema(t *testing.T, closed bool) schema {
	t.Helper()
	data, err := os.ReadFile("../../../docs/json-lines.schema.json")
	if err != nil {
		t.Fatal(err)
	}
	s := schema{closed: closed}
	if err := json.Unmarshal(data, &s.root); err != nil {
		t.Fatal(err)
	}
	return s
}

func (s schema) check(def, line string) error {
	var v any
	if err := json.Unmarshal([]byte(line), &v); err != nil {
		return err
	}
	return s.validate("$", map[string]any{"$ref": "#/$defs/" + def}, v)
}

func (s schema) validate(at string, rule map[string]any, v any) error {
	for word, arg := range rule {
		if err := s.keyword(at, word, rule, arg, v); err != nil {
			return err
		}
	}
	return nil
}

func (s schema) keyword(at, word string, rule map[string]any, arg, v any) error {
	fail := func(format string, args ...any) error {
		return fmt.Errorf("%s: %s", at, fmt.Sprintf(format, args...))
	}
	list, _ := v.([]any)
	object, _ := v.(map[string]any)
	text, _ := v.(string)
	number, isNumber := v.(float64)
	switch word {
	case "description", "additionalProperties": // the latter is used with properties
	case "$ref":
		def, ok := s.root["$defs"].(map[string]any)[strings.TrimPrefix(arg.(string), "#/$defs/")]
		if !ok {
			return fail("no definition %s", arg)
		}
		return s.validate(at, def.(map[string]any), v)
	case "oneOf":
		var errs []string
		for _, one := range arg.([]any) {
			err := s.validate(at, one.(map[string]any), v)
			if err == nil {
				return nil
			}
			errs = append(errs, err.Error())
		}
		return fail("fits none: %s", strings.Join(errs, " | "))
	case "const":
		if v != arg {
			return fail("%v is not %v", v, arg)
		}
	case "enum":
		if !slices.Contains(arg.([]any), v) {
			return fail("%v is not in %v", v, arg)
		}
	case "type":
		if got := typeOf(v); got != arg && (arg != "number" || got != "integer") {
			return fail("a %s, not a %s", got, arg)
		}
	case "minimum", "maximum":
		if isNumber && (word == "minimum" && number < arg.(float64) || word == "maximum" && number > arg.(float64)) {
			return fail("%v is beyond the %s %v", number, word, arg)
		}
	case "minLength":
		if len(text) < int(arg.(float64)) {
			return fail("too short")
		}
	case "minItems", "maxItems":
		if n := len(list); word == "minItems" && n < int(arg.(float64)) || word == "maxItems" && n > int(arg.(float64)) {
			return fail("%d items", n)
		}
	case "items":
		for i, e := range list {
			if err := s.validate(fmt.Sprintf("%s[%d]", at, i), arg.(map[string]any), e); err != nil {
				return err
			}
		}
	case "required":
		for _, name := range arg.([]any) {
			if _, ok := object[name.(string)]; !ok {
				return fail("%s is missing", name)
			}
		}
	case "properties":
		for name, e := range object {
			sub, ok := arg.(map[string]any)[name]
			if !ok && (s.closed || rule["additionalProperties"] == false) {
				return fail("the field %s is unknown", name)
			}
			if ok {
				if err := s.validate(at+"."+name, sub.(map[string]any), e); err != nil {
					return err
				}
			}
		}
	default:
		return fail("this validator does not know %s", word)
	}
	return nil
}

func typeOf(v any) string {
	switch v := v.(type) {
	case string:
		return "string"
	case bool:
		return "boolean"
	case []any:
		return "array"
	case map[string]any:
		return "object"
	case float64:
		if v == float64(int64(v)) {
			return "integer"
		}
		return "number"
	}
	return "null"
}

var pureASCII = regexp.MustCompile(`^\{[ -~]*\}$`)

// checkAnswer holds every rule of a line of output.
func checkAnswer(t *testing.T, s schema, line string) {
	t.Helper()
	if !pureASCII.MatchString(line) {
		t.Errorf("not one object in pure ASCII: %.200s", line)
	}
	if err := s.check("answer", line); err != nil {
		t.Errorf("%v\n%.400s", err, line)
	}
}

// Every field that an answer's objects can have is in the schema and on the page.
func TestSchemaHasEveryField(t *testing.T) {
	page, err := os.ReadFile("../../../docs/json-lines.md")
	if err != nil {
		t.Fatal(err)
	}
	defs := loadSchema(t, true).root["$defs"].(map[string]any)
	for def, object := range map[string]any{
		"route": view.Route{}, "node_status": view.NodeStatus{}, "interface": view.Interface{}, "nic": view.NIC{}, "node": view.Node{},
		"path": view.Path{}, "certificate": view.Certificate{}, "record": view.Record{}, "answer_info": view.Info{}, "answer_event": view.Event{},
	} {
		properties := defs[def].(map[string]any)["properties"].(map[string]any)
		for _, f := range reflect.VisibleFields(reflect.TypeOf(object)) {
			name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
			if name == "" || name == "-" {
				continue
			}
			if _, ok := properties[name]; !ok {
				t.Errorf("docs/json-lines.schema.json: %s has no %s", def, name)
			}
			if !strings.Contains(string(page), "`"+name+"`") {
				t.Errorf("docs/json-lines.md does not name %s of %s", name, def)
			}
		}
	}
}
