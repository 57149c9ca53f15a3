package change

import (
	"encoding/json"
	"fmt"
	"math"

	"go.yaml.in/yaml/v3"

	"github.com/hcsroute/hcsroute/routes"
)

// Decimal is a number as it was written; empty for none. All ways in keep the
// text, so that one parser judges it, with the route that it belongs to.
type Decimal string

// UnmarshalJSON takes a number, or a string with one, as CSV files have it.
func (d *Decimal) UnmarshalJSON(data []byte) error {
	switch data[0] {
	case 'n': // null
		*d = ""
		return nil
	case '"':
		return json.Unmarshal(data, (*string)(d))
	case '{', '[', 't', 'f':
		kinds := map[byte]string{'{': "object", '[': "array", 't': "bool", 'f': "bool"}
		return &json.UnmarshalTypeError{Value: kinds[data[0]]}
	}
	*d = Decimal(data)
	return nil
}

// UnmarshalYAML takes a scalar as it is written: YAML itself reads 0100 as 64.
func (d *Decimal) UnmarshalYAML(n *yaml.Node) error {
	if n.Kind != yaml.ScalarNode {
		return fmt.Errorf("line %d: a number belongs here", n.Line)
	}
	if n.Tag != "!!null" {
		*d = Decimal(n.Value)
	}
	return nil
}

// Metric is the number, or nil for none. Whether it is a metric is the
// service's to judge, if the API's message can hold it.
func (d Decimal) Metric() (*uint32, *routes.Error) {
	if d == "" {
		return nil, nil
	}
	n, err := routes.ParseDecimal(string(d))
	switch {
	case err != nil:
		return nil, d.refuse(routes.MetricOutOfRange, "metric", err.Error())
	case n > math.MaxUint32:
		return nil, d.refuse(routes.MetricOutOfRange, "metric", fmt.Sprintf("not in %d..%d", routes.MinMetric, routes.MaxMetric))
	}
	number := uint32(n)
	return &number, nil
}

// Revision is the number, or 0 for none.
func (d Decimal) Revision() (uint64, *routes.Error) {
	if d == "" {
		return 0, nil
	}
	n, err := routes.ParseDecimal(string(d))
	if err != nil {
		return 0, d.refuse(routes.BadRequest, "expected_revision", err.Error())
	}
	return n, nil
}

func (d Decimal) refuse(reason routes.Reason, field, problem string) *routes.Error {
	return &routes.Error{Reason: reason, Field: field, Value: fmt.Sprintf("%.64s", string(d)), Problem: problem}
}
