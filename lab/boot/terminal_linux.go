package boot

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// The prompts of the shell, by which its answers are parted. The number is the
// exit code of the line before.
const (
	promptText = "=hcsroute=$?="
	moreText   = "=hcsroute=more="
)

// Terminal is a shell of root on a terminal of the machine, 80 columns wide.
type Terminal struct {
	cmd    *exec.Cmd
	file   *os.File
	seen   []byte
	prompt *regexp.Regexp
}

// Open opens a terminal; env is added to the environment of its shell.
func (m *Machine) Open(ctx context.Context, env ...string) (*Terminal, error) {
	file, other, err := m.openPTY()
	if err != nil {
		return nil, fmt.Errorf("a terminal of %s: %w", m.name, err)
	}
	defer other.Close()
	args := append([]string{"env", "-i", "HOME=/root", "USER=root", "LANG=C.UTF-8", "TERM=dumb", "NO_COLOR=1", "SYSTEMD_PAGER=cat", "SYSTEMD_COLORS=0",
		"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "PS1=" + promptText, "PS2=" + moreText}, env...)
	// The terminal's session begins in the machine, so that Ctrl-C works there.
	args = append(args, "setsid", "--ctty", "--wait", "sh", "-c", "cd; stty -echo; exec bash --norc --noprofile --noediting -i")
	t := &Terminal{cmd: m.Command(context.WithoutCancel(ctx), args...), file: file, prompt: regexp.MustCompile(`=hcsroute=(\d+|more)=$`)}
	t.cmd.Stdin, t.cmd.Stdout, t.cmd.Stderr = other, other, other
	if err := t.cmd.Start(); err != nil {
		return nil, errors.Join(err, file.Close())
	}
	if _, err := t.answer(ctx, nil); err != nil {
		return nil, errors.Join(fmt.Errorf("a shell of %s: %w", m.name, err), t.Close())
	}
	return t, nil
}

// openPTY opens both ends of a new terminal, from the machine's own.
func (m *Machine) openPTY() (file, other *os.File, err error) {
	fd, err := unix.Open(m.Path("/dev/pts/ptmx"), unix.O_RDWR|unix.O_NOCTTY|unix.O_CLOEXEC|unix.O_NONBLOCK, 0)
	if err != nil {
		return nil, nil, err
	}
	file = os.NewFile(uintptr(fd), "terminal") // non-blocking: it takes deadlines
	number, err := unix.IoctlGetInt(fd, unix.TIOCGPTN)
	if err == nil {
		err = errors.Join(unix.IoctlSetPointerInt(fd, unix.TIOCSPTLCK, 0), unix.IoctlSetWinsize(fd, unix.TIOCSWINSZ, &unix.Winsize{Row: 24, Col: 80}))
	}
	if err == nil {
		other, err = os.OpenFile(m.Path("/dev/pts/"+strconv.Itoa(number)), os.O_RDWR|unix.O_NOCTTY, 0)
	}
	if err != nil {
		return nil, nil, errors.Join(err, file.Close())
	}
	return file, other, nil
}

// Answer is what the terminal shows after a line.
type Answer struct {
	Output string
	Code   int
	// More is true where the shell wants the rest of the command.
	More bool
}

// Reaction is what a person types when the output of a command ends in a text.
type Reaction struct {
	At   *regexp.Regexp
	Type string
}

// Type types a line and waits for the next prompt. A reaction, if there is one,
// is carried out once.
func (t *Terminal) Type(ctx context.Context, line string, r *Reaction) (Answer, error) {
	if _, err := t.file.WriteString(line + "\n"); err != nil {
		return Answer{}, fmt.Errorf("type %q: %w", line, err)
	}
	a, err := t.answer(ctx, r)
	if err != nil {
		return a, fmt.Errorf("%q: %w", line, err)
	}
	return a, nil
}

// answer reads up to the next prompt.
func (t *Terminal) answer(ctx context.Context, r *Reaction) (Answer, error) {
	stop := context.AfterFunc(ctx, func() { _ = t.file.SetReadDeadline(time.Now()) })
	defer stop()
	buffer := make([]byte, 4096)
	for {
		if r != nil && r.At.Match(t.seen) {
			if _, err := t.file.WriteString(r.Type); err != nil {
				return Answer{}, err
			}
			r = nil
		}
		if m := t.prompt.FindSubmatchIndex(t.seen); m != nil {
			word := string(t.seen[m[2]:m[3]])
			text := strings.ReplaceAll(string(t.seen[:m[0]]), "\r\n", "\n")
			t.seen = nil
			code, err := strconv.Atoi(word)
			return Answer{Output: text, Code: code, More: err != nil}, nil
		}
		n, err := t.file.Read(buffer)
		t.seen = append(t.seen, buffer[:n]...)
		if err != nil {
			return Answer{Output: string(t.seen)}, fmt.Errorf("%w; it has shown %q", errors.Join(context.Cause(ctx), err), t.seen)
		}
	}
}

// Close takes the terminal away; its shell ends.
func (t *Terminal) Close() error {
	err := t.file.Close()
	_ = t.cmd.Wait() // it was hung up on
	return err
}
