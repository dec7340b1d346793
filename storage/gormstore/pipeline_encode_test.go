package gormstore

import (
	"database/sql"
	"testing"

	"github.com/jackc/pgx/v5/pgtype"
	"github.com/stretchr/testify/require"
)

// What the store writes is what pgx reads back, nulls and none at all included.
func TestArgumentsReadBackAsTheyWere(t *testing.T) {
	t.Parallel()
	one, big := int64(1), int64(-1)<<62
	types := pgtype.NewMap()
	roundTrip(t, types, pgtype.TextOID, "siti, \"rahayu\"\n{}")
	roundTrip(t, types, pgtype.TextOID, "")
	roundTrip(t, types, pgtype.Int4OID, -7)
	roundTrip(t, types, pgtype.Int8OID, big)
	roundTrip(t, types, pgtype.Int8OID, sql.NullInt64{Int64: 5, Valid: true})
	roundTrip(t, types, pgtype.Int8OID, sql.NullInt64{})
	roundTrip(t, types, pgtype.ByteaOID, []byte{0, 1, 255})
	roundTrip(t, types, pgtype.ByteaOID, []byte{})
	roundTrip(t, types, pgtype.ByteaOID, []byte(nil))
	roundTrip(t, types, pgtype.TextArrayOID, []string{"a", "", `"},{"`, "é"})
	roundTrip(t, types, pgtype.TextArrayOID, []string{})
	roundTrip(t, types, pgtype.Int8ArrayOID, []int{1, -2, 3})
	roundTrip(t, types, pgtype.Int8ArrayOID, []int64{big, 0})
	roundTrip(t, types, pgtype.Int8ArrayOID, []*int64{nil, &one, nil, &big})
	roundTrip(t, types, pgtype.ByteaArrayOID, [][]byte{{0}, nil, {}, {1, 2}})
	require.Panics(t, func() { encodeArg(1.5) }, "a kind that no statement has")
}

func roundTrip[T any](t *testing.T, types *pgtype.Map, oid uint32, want T) {
	t.Helper()
	raw, format := encodeArg(want)
	var got T
	require.NoError(t, types.Scan(oid, format, raw, &got))
	require.Equal(t, want, got)
}
