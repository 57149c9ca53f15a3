package cli

import (
	"errors"
	"strconv"

	"github.com/spf13/pflag"

	"github.com/hcsroute/hcsroute/routes"
)

// decimalType is what help and errors call the flags that decimalVar makes.
const decimalType = "number"

// decimal is a flag of a whole number, in digits alone: pflag's own flags read
// 010 as 8.
type decimal[T int | uint64] struct{ value *T }

// decimalVar adds a flag; its default is what value holds.
func decimalVar[T int | uint64](flags *pflag.FlagSet, value *T, name, usage string) {
	flags.Var(decimal[T]{value}, name, usage)
}

func (d decimal[T]) String() string {
	if d.value == nil { // pflag asks the zero value
		return "0"
	}
	return strconv.FormatUint(uint64(*d.value), 10)
}

func (d decimal[T]) Set(text string) error {
	n, err := routes.ParseDecimal(text)
	if err != nil {
		return err
	}
	if T(n) < 0 || uint64(T(n)) != n {
		return errors.New("too large")
	}
	*d.value = T(n)
	return nil
}

func (d decimal[T]) Type() string { return decimalType }
