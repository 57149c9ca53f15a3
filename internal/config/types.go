package config

import (
	"fmt"
	"io"
	"log/slog"
	"net/netip"
	"strings"

	"github.com/hcsroute/hcsroute/routes"
)

// Size is a number of bytes, written plain or with KiB, MiB or GiB.
type Size int64

// UnmarshalText reads "4194304" or "4MiB".
func (s *Size) UnmarshalText(text []byte) error {
	t := strings.TrimSpace(string(text))
	shift := 0
	for i, unit := range []string{"KiB", "MiB", "GiB"} {
		if cut, ok := strings.CutSuffix(t, unit); ok {
			t, shift = strings.TrimSpace(cut), 10*(i+1)
		}
	}
	n, err := routes.ParseDecimal(t)
	if err != nil || n > (1<<62)>>shift {
		return fmt.Errorf("want a size in bytes, such as 4194304 or 4MiB")
	}
	*s = Size(n << shift)
	return nil
}

// Range is a range of addresses: a prefix, an address, or first-last.
type Range struct {
	First, Last netip.Addr // inclusive, of one family
	Text        string     // as it was written
}

// UnmarshalText reads a range.
func (r *Range) UnmarshalText(text []byte) error {
	s := strings.TrimSpace(string(text))
	*r = Range{Text: s}
	if first, last, ok := strings.Cut(s, "-"); ok {
		a, errA := netip.ParseAddr(strings.TrimSpace(first))
		b, errB := netip.ParseAddr(strings.TrimSpace(last))
		if errA != nil || errB != nil || a.Zone() != "" || b.Zone() != "" || a.Is4() != b.Is4() || b.Less(a) {
			return fmt.Errorf("want first-last of one address family, such as 10.0.0.10-10.0.0.20")
		}
		r.First, r.Last = a, b
		return nil
	}
	if a, err := netip.ParseAddr(s); err == nil && a.Zone() == "" {
		r.First, r.Last = a, a
		return nil
	}
	p, err := netip.ParsePrefix(s)
	if err != nil {
		return fmt.Errorf("want a prefix, an address or first-last")
	}
	if p != p.Masked() {
		return fmt.Errorf("bits are set to the right of /%d; use %s", p.Bits(), p.Masked())
	}
	guard := routes.ProtectPrefix(routes.ProtectedPolicy, p)
	r.First, r.Last = guard.First, guard.Last
	return nil
}

// protect is the range as a protected range of a kind.
func (r Range) protect(kind routes.ProtectedKind) routes.Protected {
	return routes.Protected{Kind: kind, First: r.First, Last: r.Last, Name: r.Text}
}

// Log says how the process logs.
type Log struct {
	Level  string `yaml:"level" help:"debug, info, warn or error"`
	Format string `yaml:"format" help:"text or json"`
}

// Handler makes the handler that l describes; its level stays in level's hand.
func (l Log) Handler(out Output, level *slog.LevelVar) (slog.Handler, error) {
	if err := l.adjust(level); err != nil {
		return nil, err
	}
	opts := slog.HandlerOptions{Level: level}
	switch l.Format {
	case "text":
		return out.handler(func(w io.Writer, o *slog.HandlerOptions) slog.Handler { return slog.NewTextHandler(w, o) }, opts), nil
	case "json":
		return out.handler(func(w io.Writer, o *slog.HandlerOptions) slog.Handler { return slog.NewJSONHandler(w, o) }, opts), nil
	}
	return nil, &Error{Key: "log.format", Value: l.Format, Problem: "want text or json"}
}

// adjust gives level the level of l.
func (l Log) adjust(level *slog.LevelVar) error {
	var to slog.Level
	if err := to.UnmarshalText([]byte(l.Level)); err != nil {
		return &Error{Key: "log.level", Value: l.Level, Problem: "want debug, info, warn or error"}
	}
	level.Set(to)
	return nil
}

// TLS names the files of one side of mutual TLS.
type TLS struct {
	Cert string `yaml:"cert" path:"true" help:"certificate, PEM"`
	Key  string `yaml:"key" path:"true" help:"private key, PEM"`
	CA   string `yaml:"ca" path:"true" help:"CA that the other side's certificate must come from, PEM"`
}

// IsZero reports whether TLS is not configured.
func (t TLS) IsZero() bool { return t == TLS{} }

// validate asks for all three files or none.
func (t TLS) validate(key string) error {
	if t.IsZero() || t.Cert != "" && t.Key != "" && t.CA != "" {
		return nil
	}
	return &Error{Key: key, Problem: "cert, key and ca are needed together"}
}
