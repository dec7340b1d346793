package matrix

import (
	"context"
	"encoding/binary"
	"net"

	"github.com/jackc/pgx/v5"
)

// pgxTracer has the points of pgx's connections, which stay pgx's own: so the
// store pipelines, as it does for hosts. What a batch ends with is on its way
// together with all that is before it.
type pgxTracer struct{ w *watch }

var (
	_ pgx.QueryTracer = (*pgxTracer)(nil)
	_ pgx.BatchTracer = (*pgxTracer)(nil)
)

type nameKey struct{}

func (t *pgxTracer) start(ctx context.Context, statement string) context.Context {
	return context.WithValue(ctx, nameKey{}, t.w.before(statement))
}

func (t *pgxTracer) end(ctx context.Context, err error) {
	name, _ := ctx.Value(nameKey{}).(string)
	t.w.after(name, err)
}

func (t *pgxTracer) TraceQueryStart(ctx context.Context, _ *pgx.Conn, data pgx.TraceQueryStartData) context.Context {
	return t.start(ctx, data.SQL)
}

func (t *pgxTracer) TraceQueryEnd(ctx context.Context, _ *pgx.Conn, data pgx.TraceQueryEndData) {
	t.end(ctx, data.Err)
}

func (t *pgxTracer) TraceBatchStart(ctx context.Context, _ *pgx.Conn, data pgx.TraceBatchStartData) context.Context {
	all := data.Batch.QueuedQueries
	return t.start(ctx, all[len(all)-1].SQL)
}

func (t *pgxTracer) TraceBatchQuery(context.Context, *pgx.Conn, pgx.TraceBatchQueryData) {}

func (t *pgxTracer) TraceBatchEnd(ctx context.Context, _ *pgx.Conn, data pgx.TraceBatchEndData) {
	t.end(ctx, data.Err)
}

// watchedWire is a connection to a server.
type watchedWire struct {
	net.Conn
	w *watch
	// runs reports whether what is sent makes the server run a statement.
	runs func(sent []byte) bool
}

func (c *watchedWire) Write(b []byte) (int, error) {
	n, err := c.Conn.Write(b)
	if err == nil && c.runs(b) {
		c.w.sent()
	}
	return n, err
}

// executes reports whether there is an Execute or a Query among the messages
// of PostgreSQL's protocol. What pgx sends before, to have statements
// prepared, has neither.
func executes(sent []byte) bool {
	for len(sent) >= 5 {
		if sent[0] == 'E' || sent[0] == 'Q' {
			return true
		}
		next := 1 + int(binary.BigEndian.Uint32(sent[1:]))
		if next > len(sent) {
			return false
		}
		sent = sent[next:]
	}
	return false
}
