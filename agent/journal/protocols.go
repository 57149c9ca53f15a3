package journal

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

const (
	protocolsName    = "protocols"
	newProtocolsName = "protocols.new"
)

// Protocols are the rtm_protocol numbers under which routes of the log may be
// in the kernel, as noted last; none where none were.
func (j *Journal) Protocols() ([]uint8, error) {
	content, err := os.ReadFile(filepath.Join(j.dir, protocolsName))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("numbers of earlier route protocols: %w", err)
	}
	var numbers []uint8
	for _, s := range strings.Fields(string(content)) {
		n, err := strconv.ParseUint(s, 10, 8)
		if err != nil {
			return nil, fmt.Errorf("numbers of earlier route protocols in %s: %q is not one", filepath.Join(j.dir, protocolsName), s)
		}
		numbers = append(numbers, uint8(n))
	}
	return numbers, nil
}

// NoteProtocols makes the numbers durable.
func (j *Journal) NoteProtocols(numbers []uint8) error {
	content := strings.Trim(fmt.Sprintf("%d", numbers), "[]") + "\n"
	file, err := j.create(newProtocolsName, []byte(content))
	if err == nil {
		err = file.Close()
	}
	if err == nil {
		err = os.Rename(filepath.Join(j.dir, newProtocolsName), filepath.Join(j.dir, protocolsName))
	}
	if err == nil {
		err = syncDir(j.dir)
	}
	if err != nil {
		return fmt.Errorf("note the number of the route protocol: %w", err)
	}
	return nil
}
