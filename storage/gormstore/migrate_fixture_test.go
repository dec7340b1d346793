package gormstore_test

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"gorm.io/gorm"

	"github.com/lunaspay/lunas/storage/gormstore"
	"github.com/lunaspay/lunas/storage/gormstore/scratch"
)

// A fixture, testdata/v<version>.json, is the rows of all tables as a store of
// that version left them: the same ones for all databases. Once released it
// is never changed. A version whose rows look like those of the one before
// needs none of its own; else write it while it is the latest:
//
//	go test ./storage/gormstore -run TestWriteFixture -write-fixture
var writeFixture = flag.Bool("write-fixture", false, "write the fixture of the latest version of the schema")

// fixture is the rows of each table, column by column.
type fixture map[string][]map[string]any

// binary are the columns that hold bytes: the fixture has them in
// hexadecimal.
var binary = []string{"hash", "raw"}

// The data of every former version survives the way up, and the store works
// on with it.
func TestMigrateFromEveryVersion(t *testing.T) {
	t.Parallel()
	for _, dialect := range scratch.Dialects {
		for version := 1; version <= gormstore.LatestVersion; version++ {
			t.Run(fmt.Sprintf("%s from %d", dialect, version), func(t *testing.T) {
				t.Parallel()
				db := scratch.Open(t, dialect, scratch.New(t, dialect))
				execAll(t, db, statements(t, dialect, nil, version))
				insert(t, db, readFixture(t, version))
				require.NoError(t, gormstore.Migrate(t.Context(), db, nil))
				store, err := gormstore.Open(t.Context(), db, nil)
				require.NoError(t, err)
				past := newPast()
				past.check(t, store)
				past.goOn(t, store)
			})
		}
	}
}

// The store writes what the fixture has, and reads it back, so the fixture is
// a true one.
func TestWriteFixture(t *testing.T) {
	t.Parallel()
	db := openFile(t)
	store := openStore(t, db, nil)
	past := newPast()
	past.write(t, store)
	past.check(t, store)
	if !*writeFixture {
		return
	}
	var text bytes.Buffer
	encoder := json.NewEncoder(&text)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	require.NoError(t, encoder.Encode(dump(t, db)))
	require.NoError(t, os.WriteFile(fixtureFile(gormstore.LatestVersion), text.Bytes(), 0o644)) //nolint:gosec // a source file
}

func fixtureFile(version int) string {
	return filepath.Join("testdata", fmt.Sprintf("v%d.json", version))
}

// readFixture reads that of the version, or of the last one before that has
// one.
func readFixture(t *testing.T, version int) (f fixture) {
	t.Helper()
	text, err := os.ReadFile(fixtureFile(version))
	for ; os.IsNotExist(err) && version > 1; text, err = os.ReadFile(fixtureFile(version)) {
		version--
	}
	require.NoError(t, err)
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.UseNumber()
	require.NoError(t, decoder.Decode(&f))
	return f
}

func insert(t *testing.T, db *gorm.DB, f fixture) {
	t.Helper()
	pool, err := db.DB()
	require.NoError(t, err)
	for table, rows := range f {
		for _, row := range rows {
			var columns, places []string
			var values []any
			for column, value := range row {
				columns = append(columns, column)
				values = append(values, columnValue(t, column, value))
				place := "?"
				if db.Name() == "postgres" {
					place = "$" + strconv.Itoa(len(values))
				}
				places = append(places, place)
			}
			_, err := pool.ExecContext(t.Context(), "INSERT INTO "+table+" ("+strings.Join(columns, ", ")+") VALUES ("+strings.Join(places, ", ")+")", values...)
			require.NoError(t, err, table)
		}
	}
}

// columnValue is what the fixture has for a column as the database wants it.
func columnValue(t *testing.T, column string, value any) any {
	t.Helper()
	switch v := value.(type) {
	case json.Number:
		n, err := v.Int64()
		require.NoError(t, err)
		return n
	case string:
		if slices.Contains(binary, column) {
			b, err := hex.DecodeString(v)
			require.NoError(t, err)
			return b
		}
	}
	return value
}

// dump is the rows of all tables, except the version.
func dump(t *testing.T, db *gorm.DB) fixture {
	t.Helper()
	f := fixture{}
	for _, table := range tables(t, db) {
		if table == "lunas_schema" {
			continue
		}
		var rows []map[string]any
		require.NoError(t, db.Table(table).Order("1, 2").Find(&rows).Error)
		require.NotEmpty(t, rows, "the fixture has nothing in %s", table)
		for _, row := range rows {
			for _, column := range binary {
				if b, ok := row[column].([]byte); ok {
					row[column] = hex.EncodeToString(b)
				}
			}
		}
		f[table] = rows
	}
	return f
}
