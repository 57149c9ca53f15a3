package journal

import (
	"bytes"
	"testing"
)

// FuzzLog feeds the reader arbitrary files. Whatever it takes is a verified
// set, and survives being written again.
func FuzzLog(f *testing.F) {
	s := build(f, 3)
	log := encodeState("k8s-master", s)
	f.Add(log)
	log = appendChange(log, change(f, s, route(f, 50, 1), false))
	f.Add(appendChange(log, change(f, s, route(f, 1, 256), true)))
	f.Fuzz(func(t *testing.T, data []byte) {
		// The checksum would keep the fuzzer from the decoder: make it right.
		for at := 0; at+headerSize <= len(data); {
			n := int(uint32(data[at+5]) | uint32(data[at+6])<<8)
			if at+headerSize+n > len(data) {
				break
			}
			endRecord(data[:at+headerSize+n], at)
			at += headerSize + n
		}
		got, err := replay(&reader{src: bytes.NewReader(data), size: int64(len(data))}, "k8s-master")
		if !got.Complete() {
			if err == nil {
				t.Fatal("no set and no error")
			}
			return
		}
		must(t, got.Verify())
		whole := encodeState("k8s-master", &got)
		again, err := replay(&reader{src: bytes.NewReader(whole), size: int64(len(whole))}, "k8s-master")
		if err != nil || again.Version != got.Version || !again.Ports.Equal(got.Ports) {
			t.Fatalf("read %+v, wrote it, read %+v: %v", got, again, err)
		}
	})
}
