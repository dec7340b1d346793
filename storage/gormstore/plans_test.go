package gormstore_test

import (
	"context"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"gorm.io/gorm"

	"github.com/lunaspay/lunas/payments"
	"github.com/lunaspay/lunas/storage/gormstore"
	"github.com/lunaspay/lunas/storage/storagetest"
)

// small are the tables that hold a handful of rows, and what the planner
// calls values and results that are at hand.
var small = regexp.MustCompile(`^SCAN (lunas_lane|lunas_schema|found|part\d+|\(subquery-\d+\)|\d+ CONSTANT ROWS?|CONSTANT ROW|\d+-ROW VALUES CLAUSE)$`)

// Every statement that the suites make the store send is planned: none reads
// a big table from end to end, and no index is there in vain.
func TestEveryStatementGoesByAnIndex(t *testing.T) {
	seen := map[string]bool{}
	newStore := func(t *testing.T) payments.Store {
		// In memory: that a pool of one connection will do is shown by the way.
		db := openWatched(t, gormstore.SQLiteDSN(":memory:"), func(_ context.Context, statement string) error {
			seen[statement] = true
			return nil
		})
		return openStore(t, limited(t, db), nil)
	}
	t.Run("suite", func(t *testing.T) {
		storagetest.Run(t, newStore)
		storagetest.RunDeliveries(t, newStore)
		storagetest.RunRecords(t, func(t *testing.T) payments.RecordStore { return newStore(t).(payments.RecordStore) })
	})

	statements := 0
	var plans strings.Builder
	db := openFile(t)
	openStore(t, db, nil)
	for statement := range seen {
		verb, _, _ := strings.Cut(statement, " ")
		if !strings.Contains(statement, "lunas_") || !strings.Contains("SELECT INSERT UPDATE DELETE", verb) || strings.Contains(statement, "migrations") {
			continue
		}
		statements++
		for _, line := range explain(t, db, statement) {
			if strings.HasPrefix(line, "SCAN ") && !small.MatchString(line) {
				t.Errorf("%s\nreads a whole table: %s", statement, line)
			}
			plans.WriteString(line + "\n")
		}
	}
	require.Greater(t, statements, 40, "the suites sent too few statements to be true")

	var indexes []string
	require.NoError(t, db.Raw("SELECT name FROM sqlite_master WHERE type = 'index' AND name LIKE 'lunas%'").Scan(&indexes).Error)
	require.NotEmpty(t, indexes)
	for _, index := range indexes {
		require.Regexp(t, `INDEX `+index+`\b`, plans.String(), "nothing needs the index %s", index)
	}
}

func explain(t *testing.T, db *gorm.DB, statement string) (lines []string) {
	t.Helper()
	pool, err := db.DB()
	require.NoError(t, err)
	rows, err := pool.Query("EXPLAIN QUERY PLAN "+statement, make([]any, strings.Count(statement, "?"))...)
	require.NoError(t, err, statement)
	defer rows.Close()
	for rows.Next() {
		var id, parent, unused int
		var line string
		require.NoError(t, rows.Scan(&id, &parent, &unused, &line))
		lines = append(lines, line)
	}
	require.NoError(t, rows.Err())
	return lines
}

// A list that is cut to a page walks an index in the order of the list: it
// must not sort all that there is first.
func TestListsDoNotSort(t *testing.T) {
	t.Parallel()
	var last string
	db := openWatched(t, gormstore.SQLiteDSN(filepath.Join(t.TempDir(), "shop.db")), func(_ context.Context, statement string) error {
		if strings.HasPrefix(statement, "SELECT") {
			last = statement
		}
		return nil
	})
	store, ctx := openStore(t, db, nil), t.Context()
	settled, pending := []payments.Status{payments.StatusSettled}, []payments.Status{payments.StatusPending}
	for want, list := range map[string]func() error{
		"INDEX sqlite_autoindex_lunas_payment_1 (id<?)": func() error { return second(store.Payments(ctx, payments.PaymentQuery{})) },
		"INDEX lunas_payment_user ":                     func() error { return second(store.Payments(ctx, payments.PaymentQuery{UserID: "u", Cursor: "x"})) },
		"INDEX lunas_payment_tenant":                    func() error { return second(store.Payments(ctx, payments.PaymentQuery{Tenant: "t", Status: settled})) },
		"INDEX lunas_payment_reference":                 func() error { return second(store.Payments(ctx, payments.PaymentQuery{Reference: "r"})) },
		"INDEX lunas_payment_status":                    func() error { return second(store.Payments(ctx, payments.PaymentQuery{Status: pending, Cursor: "x"})) },
		"INDEX lunas_payment_wake":                      func() error { _, err := store.LeasePayments(ctx, payments.Lease{Limit: 1}); return err },
		"INDEX lunas_message_payment":                   func() error { return second(store.Messages(ctx, payments.MessageQuery{PaymentID: "p"})) },
		"INDEX lunas_message_ref":                       func() error { return second(store.Messages(ctx, payments.MessageQuery{Gateway: "g", Ref: "r"})) },
		"INDEX lunas_message_verdict": func() error {
			return second(store.Messages(ctx, payments.MessageQuery{Verdict: []payments.Verdict{payments.VerdictParked}}))
		},
		"INDEX lunas_delivery_due": func() error {
			_, err := store.LeaseDeliveries(ctx, payments.DeliveryLease{
				Lease: payments.Lease{Limit: 1}, Targets: []payments.Target{{Name: "hook:a"}},
			})
			return err
		},
		"INDEX sqlite_autoindex_lunas_record_1 (kind=? AND name<?)": func() error { return second(store.Records(ctx, payments.RecordQuery{Kind: "k", Cursor: "c"})) },
		"INDEX lunas_record_tenant":                                 func() error { return second(store.Records(ctx, payments.RecordQuery{Kind: "k", Tenant: "t"})) },
		"PRIMARY KEY (payment_id=? AND seq>?)":                      func() error { return second(store.Events(ctx, payments.EventQuery{PaymentID: "p"})) },
		"PRIMARY KEY (tenant=? AND user_id=?)":                      func() error { return second(store.Claims(ctx, payments.ClaimQuery{UserID: "u"})) },
		"PRIMARY KEY (tenant=? AND user_id>?)":                      func() error { return second(store.Claims(ctx, payments.ClaimQuery{Cursor: `["u","p"]`})) },
	} {
		require.NoError(t, list(), want)
		plan := strings.Join(explain(t, db, last), "\n")
		require.Contains(t, plan, want)
		require.NotContains(t, plan, "TEMP B-TREE", last)
	}
}

func second[T any](_ T, err error) error { return err }
