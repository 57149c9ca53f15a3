package jsonl

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
)

// waiting is how many requests are read ahead; with 1000 routes each that is
// more than one batch holds.
const waiting = 64

// read sends every request of in, in order, and closes out at its end. A
// request that is fatal is the last one.
func read(ctx context.Context, in io.Reader, out chan<- *request) {
	defer close(out)
	r := bufio.NewReaderSize(in, 64<<10)
	// Windows PowerShell 5.1 starts the input with a byte order mark.
	if bom, _ := r.Peek(3); bytes.Equal(bom, []byte("\xef\xbb\xbf")) {
		_, _ = r.Discard(3)
	}
	send := func(req *request) bool {
		select {
		case out <- req:
			return !req.fatal
		case <-ctx.Done():
			return false
		}
	}
	for {
		line, err := readLine(r)
		if errors.Is(err, bufio.ErrTooLong) {
			send(fatal(fmt.Sprintf("a line is longer than %d bytes", maxLine)))
			return
		}
		if err != nil && !errors.Is(err, io.EOF) {
			send(fatal("the input cannot be read: " + err.Error()))
			return
		}
		if line = bytes.TrimSpace(line); len(line) > 0 && !send(parse(line)) {
			return
		}
		if err != nil {
			return
		}
	}
}

// readLine reads up to the next line feed; bufio.ErrTooLong beyond maxLine.
func readLine(r *bufio.Reader) ([]byte, error) {
	var line []byte
	for {
		part, err := r.ReadSlice('\n')
		if len(line)+len(part) > maxLine+2 { // the line end does not count
			return nil, bufio.ErrTooLong
		}
		if !errors.Is(err, bufio.ErrBufferFull) {
			if line == nil {
				return part, err
			}
			return append(line, part...), err
		}
		line = append(line, part...)
	}
}
