package cli

import (
	"bytes"
	"encoding/binary"
	"errors"
	"unicode/utf16"
	"unicode/utf8"
)

// toUTF8 is the text of a file without its byte order mark. Windows
// PowerShell's ">" and Out-File write UTF-16.
func toUTF8(data []byte) ([]byte, error) {
	var order binary.ByteOrder
	switch {
	case bytes.HasPrefix(data, []byte("\xff\xfe\x00\x00")), bytes.HasPrefix(data, []byte("\x00\x00\xfe\xff")):
		return nil, errors.New("it is UTF-32; save it as UTF-8")
	case bytes.HasPrefix(data, []byte("\xff\xfe")):
		order = binary.LittleEndian
	case bytes.HasPrefix(data, []byte("\xfe\xff")):
		order = binary.BigEndian
	default:
		data = bytes.TrimPrefix(data, []byte("\xef\xbb\xbf"))
		switch {
		case bytes.IndexByte(data, 0) >= 0:
			return nil, errors.New("it has zero bytes, as UTF-16 without its mark has; save it as UTF-8")
		case !utf8.Valid(data):
			return nil, errors.New("it is not UTF-8; save it as UTF-8")
		}
		return data, nil
	}
	data = data[2:]
	if len(data)%2 != 0 {
		return nil, errors.New("its UTF-16 ends within a character: the file was cut")
	}
	units := make([]uint16, len(data)/2)
	for i := range units {
		units[i] = order.Uint16(data[2*i:])
	}
	var out []byte
	for _, r := range utf16.Decode(units) {
		if r == utf8.RuneError || r == 0 {
			return nil, errors.New("its UTF-16 is damaged")
		}
		out = utf8.AppendRune(out, r)
	}
	return out, nil
}
