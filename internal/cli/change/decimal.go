package change

import (
	"encoding/json"
	"fmt"
	"math"

	"go.yaml.in/yaml/v3"

	"github.com/hcsroute/hcsroute/routes"
)

// Metric is a metric as it was written; empty for none. All ways in keep the
// text, so that one parser judges it, with the route that it belongs to.
type Metric string

// UnmarshalJSON takes a number, or a string with one, as CSV files have it.
func (m *Metric) UnmarshalJSON(data []byte) error {
	switch data[0] {
	case 'n': // null
		*m = ""
		return nil
	case '"':
		return json.Unmarshal(data, (*string)(m))
	case '{', '[', 't', 'f':
		kinds := map[byte]string{'{': "object", '[': "array", 't': "bool", 'f': "bool"}
		return &json.UnmarshalTypeError{Value: kinds[data[0]]}
	}
	*m = Metric(data)
	return nil
}

// UnmarshalYAML takes a scalar as it is written: YAML itself reads 0100 as 64.
func (m *Metric) UnmarshalYAML(n *yaml.Node) error {
	if n.Kind != yaml.ScalarNode {
		return fmt.Errorf("line %d: a metric is a number", n.Line)
	}
	if n.Tag != "!!null" {
		*m = Metric(n.Value)
	}
	return nil
}

// Number is the number, or nil for none. Whether it is a metric is the
// service's to judge, if the API's message can hold it.
func (m Metric) Number() (*uint32, *routes.Error) {
	if m == "" {
		return nil, nil
	}
	refuse := func(problem string) (*uint32, *routes.Error) {
		return nil, &routes.Error{Reason: routes.MetricOutOfRange, Field: "metric", Value: fmt.Sprintf("%.64s", string(m)), Problem: problem}
	}
	n, err := routes.ParseDecimal(string(m))
	switch {
	case err != nil:
		return refuse(err.Error())
	case n > math.MaxUint32:
		return refuse(fmt.Sprintf("not in %d..%d", routes.MinMetric, routes.MaxMetric))
	}
	number := uint32(n)
	return &number, nil
}
