package faults

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"io"
	"testing"

	"github.com/stretchr/testify/require"
)

// postgresFrames knows of PostgreSQL's protocol what it takes to see a COMMIT:
// as a query, or as the execution of a statement that was prepared before.
type postgresFrames struct {
	from    *bufio.Reader
	started bool            // behind the messages that have no type
	commits map[string]bool // prepared statements, by name
}

func newPostgresFrames(client io.Reader) frames {
	return &postgresFrames{from: bufio.NewReader(client), commits: map[string]bool{}}
}

func (f *postgresFrames) next() (frame []byte, commits bool, err error) {
	head := 5 // type, length
	if !f.started {
		head = 4
	}
	frame = make([]byte, head)
	if _, err := io.ReadFull(f.from, frame); err != nil {
		return nil, false, err
	}
	length := int(binary.BigEndian.Uint32(frame[head-4:])) - 4
	frame = append(frame, make([]byte, length)...)
	if _, err := io.ReadFull(f.from, frame[head:]); err != nil {
		return nil, false, err
	}
	body := frame[head:]
	if !f.started {
		f.started = body[0] == 0 && body[1] == 3 // the protocol's major version: not a request for TLS
		return frame, false, nil
	}
	switch frame[0] {
	case 'Q':
		return frame, isCommit(body), nil
	case 'P': // Parse: name, text
		name, text, _ := bytes.Cut(body, []byte{0})
		f.commits[string(name)] = isCommit(text)
	case 'B': // Bind: portal, name
		_, name, _ := bytes.Cut(body, []byte{0})
		name, _, _ = bytes.Cut(name, []byte{0})
		return frame, f.commits[string(name)], nil
	}
	return frame, false, nil
}

func isCommit(text []byte) bool {
	return bytes.HasPrefix(bytes.ToUpper(text), []byte("COMMIT"))
}

// postgresAnswered: the server is ready for the next query, in no transaction.
func postgresAnswered(sent []byte) bool { return bytes.HasSuffix(sent, []byte("Z\x00\x00\x00\x05I")) }

// mysqlFrames are packets of MySQL's protocol.
type mysqlFrames struct{ from *bufio.Reader }

func newMySQLFrames(client io.Reader) frames { return mysqlFrames{bufio.NewReader(client)} }

func (f mysqlFrames) next() (frame []byte, commits bool, err error) {
	frame = make([]byte, 4) // length, number
	if _, err := io.ReadFull(f.from, frame); err != nil {
		return nil, false, err
	}
	length := int(frame[0]) | int(frame[1])<<8 | int(frame[2])<<16
	frame = append(frame, make([]byte, length)...)
	if _, err := io.ReadFull(f.from, frame[4:]); err != nil {
		return nil, false, err
	}
	const query = 3
	return frame, length > 0 && frame[4] == query && isCommit(frame[5:]), nil
}

func mysqlAnswered(sent []byte) bool { return len(sent) > 0 }

// A COMMIT is seen in whatever form it comes.
func TestFramesSeeCommits(t *testing.T) {
	message := func(kind byte, body string) string {
		length := binary.BigEndian.AppendUint32(nil, uint32(len(body)+4))
		if kind == 0 {
			return string(length) + body
		}
		return string(kind) + string(length) + body
	}
	packet := func(body string) string { return string([]byte{byte(len(body)), 0, 0, 0}) + body }
	for name, c := range map[string]struct {
		protocol func(io.Reader) frames
		sent     []string
		commits  []bool
	}{
		"PostgreSQL": {newPostgresFrames, []string{
			message(0, "\x04\xd2\x16\x2f"), message(0, "\x00\x03\x00\x00user\x00me\x00\x00"),
			message('Q', "select 'COMMIT'\x00"), message('Q', "commit\x00"),
			message('P', "s1\x00COMMIT\x00\x00\x00"), message('P', "s2\x00SELECT 1\x00\x00\x00"),
			message('B', "\x00s2\x00\x00\x00\x00\x00\x00\x00"), message('B', "\x00s1\x00\x00\x00\x00\x00\x00\x00"), message('S', ""),
		}, []bool{false, false, false, true, false, false, false, true, false}},
		"MySQL": {newMySQLFrames, []string{
			packet("\x85\xa6handshake"), packet("\x03BEGIN"), packet("\x03COMMIT"), packet("\x16COMMIT"), packet(""),
		}, []bool{false, false, true, false, false}},
	} {
		t.Run(name, func(t *testing.T) {
			stream := ""
			for _, s := range c.sent {
				stream += s
			}
			f := c.protocol(bytes.NewBufferString(stream))
			for i, want := range c.commits {
				frame, commits, err := f.next()
				require.NoError(t, err)
				require.Equal(t, c.sent[i], string(frame))
				require.Equal(t, want, commits, "message %d", i)
			}
			_, _, err := f.next()
			require.ErrorIs(t, err, io.EOF)
		})
	}
}
