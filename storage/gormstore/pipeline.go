package gormstore

import (
	"context"
	"database/sql"
	"encoding/binary"
	"fmt"
	"slices"
	"strconv"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgtype"
)

// pipelineWire sends all steps in one round trip, as pgx's own batches do. It
// writes the arrays of rows itself, each at once into memory of the right size:
// pgx lets its buffers grow value by value, which for an array of documents is
// much memory, and work for the collector.
type pipelineWire struct{ *pgx.Conn }

// large is a statement that is sent at once, though others follow: they would
// make pgx's buffer grow and copy it.
const large = 8 << 10

// pgxWireOf is the wire for a connection of pgx's. Its own batches serve where
// statements are not to be prepared, behind a pooler say, and where the host
// traces them.
func pgxWireOf(conn *pgx.Conn) wire {
	if c := conn.Config(); c.DefaultQueryExecMode == pgx.QueryExecModeCacheStatement && c.Tracer == nil {
		return pipelineWire{conn}
	}
	return pgxWire{conn}
}

func (w pipelineWire) send(ctx context.Context, steps []*step) (err error) {
	statements := make([]*pgconn.StatementDescription, len(steps))
	for i, st := range steps { // once per connection and statement
		if statements[i], err = w.Prepare(ctx, st.text, st.text); err != nil {
			return err
		}
	}
	pipeline := w.PgConn().StartPipeline(ctx)
	defer func() {
		if closed := pipeline.Close(); err == nil {
			err = closed
		}
		if forgotten(err) { // on this connection it would be for ever; on another one the transaction is tried again
			_ = w.Close(ctx)
		}
	}()
	for i, st := range steps {
		values, formats, size := make([][]byte, len(st.args)), make([]int16, len(st.args)), 0
		for j, arg := range st.args {
			values[j], formats[j] = encodeArg(arg)
			size += len(values[j])
		}
		pipeline.SendQueryStatement(statements[i], values, formats, allBinary(len(statements[i].Fields)))
		if size > large {
			if err := pipeline.Flush(); err != nil {
				return err
			}
		}
	}
	if err := pipeline.Sync(); err != nil {
		return err
	}
	for _, st := range steps {
		if err := w.receive(pipeline, st); err != nil {
			return err
		}
	}
	return nil
}

// forgotten reports whether the server has no prepared statement of that name
// any more (somebody had it drop all), or none that fits the tables.
func forgotten(err error) bool { return slices.Contains([]string{"26000", "0A000"}, sqlState(err)) }

// receive reads what came of a step.
func (w pipelineWire) receive(pipeline *pgconn.Pipeline, st *step) error {
	results, err := pipeline.GetResults()
	if err != nil {
		return err
	}
	rows, ok := results.(*pgconn.ResultReader)
	if !ok {
		return fmt.Errorf("the pipeline answered with a %T", results)
	}
	r := pipelineRow{types: w.TypeMap(), rows: rows}
	for st.scan != nil && rows.NextRow() {
		if err := st.scan(r); err != nil {
			return err // pipeline.Close reads what is left
		}
	}
	tag, err := rows.Close()
	if st.scan == nil {
		st.changed = int(tag.RowsAffected())
	}
	return err
}

type pipelineRow struct {
	types *pgtype.Map
	rows  *pgconn.ResultReader
}

func (r pipelineRow) Scan(into ...any) error {
	fields, values := r.rows.FieldDescriptions(), r.rows.Values()
	if len(into) != len(values) {
		return fmt.Errorf("a row has %d columns, not %d", len(values), len(into))
	}
	for i, to := range into {
		if err := r.types.Scan(fields[i].DataTypeOID, fields[i].Format, values[i], to); err != nil {
			return fmt.Errorf("scan column %s: %w", fields[i].Name, err)
		}
	}
	return nil
}

func allBinary(columns int) []int16 {
	formats := make([]int16, columns)
	for i := range formats {
		formats[i] = pgx.BinaryFormatCode
	}
	return formats
}

// encodeArg writes a value for the server: a single number as text, since the
// server knows its width, everything else in binary form. Nil is null.
func encodeArg(arg any) (value []byte, format int16) {
	switch v := arg.(type) {
	case string:
		return []byte(v), pgx.TextFormatCode
	case int:
		return strconv.AppendInt(nil, int64(v), 10), pgx.TextFormatCode
	case int64:
		return strconv.AppendInt(nil, v, 10), pgx.TextFormatCode
	case sql.NullInt64:
		if !v.Valid {
			return nil, pgx.TextFormatCode
		}
		return strconv.AppendInt(nil, v.Int64, 10), pgx.TextFormatCode
	case []byte:
		return v, pgx.BinaryFormatCode
	case []string:
		return encodeArray(v, pgtype.TextOID, func(s string) (int, bool) { return len(s), true },
			func(out []byte, s string) []byte { return append(out, s...) })
	case [][]byte:
		return encodeArray(v, pgtype.ByteaOID, func(b []byte) (int, bool) { return len(b), b != nil },
			func(out, b []byte) []byte { return append(out, b...) })
	case []int:
		return encodeArray(v, pgtype.Int8OID, func(int) (int, bool) { return 8, true },
			func(out []byte, n int) []byte { return binary.BigEndian.AppendUint64(out, uint64(n)) })
	case []int64:
		return encodeArray(v, pgtype.Int8OID, func(int64) (int, bool) { return 8, true },
			func(out []byte, n int64) []byte { return binary.BigEndian.AppendUint64(out, uint64(n)) })
	case []*int64:
		return encodeArray(v, pgtype.Int8OID, func(n *int64) (int, bool) { return 8, n != nil },
			func(out []byte, n *int64) []byte { return binary.BigEndian.AppendUint64(out, uint64(*n)) })
	}
	panic(fmt.Sprintf("gormstore: a statement has a value of type %T, which it was not written for", arg))
}

// encodeArray is PostgreSQL's binary form of an array of one dimension: a head
// of five numbers, then of each element its length, -1 for null, and its bytes.
func encodeArray[T any](elements []T, oid uint32, size func(T) (int, bool), put func([]byte, T) []byte) ([]byte, int16) {
	total, nulls := 20, uint32(0)
	for _, e := range elements {
		n, ok := size(e)
		if total += 4; ok {
			total += n
		} else {
			nulls = 1
		}
	}
	out, number := make([]byte, 0, total), binary.BigEndian.AppendUint32
	if len(elements) == 0 {
		return number(number(number(out, 0), 0), oid), pgx.BinaryFormatCode
	}
	out = number(number(number(number(number(out, 1), nulls), oid), uint32(len(elements))), 1)
	for _, e := range elements {
		n, ok := size(e)
		if !ok {
			out = number(out, 0xffffffff)
			continue
		}
		out = put(number(out, uint32(n)), e)
	}
	return out, pgx.BinaryFormatCode
}
