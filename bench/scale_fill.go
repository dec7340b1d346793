package main

import (
	"context"
	"database/sql"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"time"

	"github.com/lunaspay/lunas/payments"
)

// shop is a database of a shop that has had many payments. All are copies of
// one that came in over HTTP, was settled, and whose hook was called: with its
// documents, names, events, messages and deliveries, under other ids.
type shop struct {
	*scratch
	payments int
}

// buyers have a hundred payments each, from the first to the last day.
func (s *shop) buyers() int { return max(1, s.payments/100) }

func filledBuyer(i int) string { return fmt.Sprintf("buyer-%d", i) }

// shop returns the database of a shop with n payments: the one that is there,
// or a fresh one in its place.
func (b *bench) shop(ctx context.Context, n int, fresh bool) (*shop, error) {
	if s, made := b.shops[n]; made {
		if !fresh {
			return s, nil
		}
		delete(b.shops, n)
		if err := s.drop(ctx); err != nil {
			return nil, err
		}
	}
	db, err := b.places[postgres].create(ctx)
	if err != nil {
		return nil, err
	}
	s := &shop{db, n}
	if b.shops == nil {
		b.shops = map[int]*shop{}
	}
	b.shops[n] = s // dropped by closeShops, also if it is only half filled
	begin := time.Now()
	if err := s.fill(ctx, b.pool); err != nil {
		return nil, fmt.Errorf("fill: %w", err)
	}
	size, err := s.bytes(ctx)
	if err != nil {
		return nil, err
	}
	note := fmt.Sprintf("a shop of %d payments: %.2f GB, filled in %.0f s", n, float64(size)/1e9, time.Since(begin).Seconds())
	if !fresh {
		b.notes = append(b.notes, note)
	}
	b.say("%s", note)
	return s, nil
}

// closeShops drops all of them.
func (b *bench) closeShops(ctx context.Context) error {
	for n, s := range b.shops {
		delete(b.shops, n)
		if err := s.drop(context.WithoutCancel(ctx)); err != nil {
			return err
		}
	}
	return nil
}

func (s *shop) bytes(ctx context.Context) (int, error) {
	db, err := openSQL(s.dialect, s.dsn)
	if err != nil {
		return 0, err
	}
	defer db.Close()
	return number(ctx, db, "SELECT pg_database_size(current_database())")
}

// fillStep is how many payments are copied by one statement.
const fillStep = 250_000

func (s *shop) fill(ctx context.Context, connections int) error {
	original, err := s.firstPayment(ctx, connections)
	if err != nil {
		return fmt.Errorf("make the first payment: %w", err)
	}
	pool, err := openSQL(s.dialect, s.dsn)
	if err != nil {
		return err
	}
	defer pool.Close()
	db, err := pool.Conn(ctx) // settings are of a session
	if err != nil {
		return err
	}
	defer db.Close()
	tables, err := texts(ctx, db, "SELECT tablename FROM pg_tables WHERE schemaname = current_schema() AND tablename = ANY($1)",
		"{lunas_payment,lunas_ref,lunas_event,lunas_message,lunas_delivery_log}")
	if err != nil {
		return err
	}
	unindex, index, err := indexes(ctx, db)
	if err != nil {
		return err
	}
	if err := execAll(ctx, db, append([]string{"SET maintenance_work_mem = '512MB'", "SET synchronous_commit = off"}, unindex...)); err != nil {
		return err
	}
	for _, table := range tables {
		copying, err := s.copying(ctx, db, table, original)
		if err != nil {
			return err
		}
		for begin := 0; begin < s.payments; begin += fillStep {
			if _, err := db.ExecContext(ctx, copying, begin, min(begin+fillStep, s.payments)-1); err != nil {
				return fmt.Errorf("copy %s: %w", table, err)
			}
		}
	}
	return execAll(ctx, db, append(index, "VACUUM (ANALYZE)", "CHECKPOINT"))
}

// firstPayment makes the payment that the others are copies of.
func (s *shop) firstPayment(ctx context.Context, pool int) (id string, err error) {
	host := &lunas{setup{Dialect: s.dialect, DSN: s.dsn, Pool: pool}}
	refs, err := host.makeOrders(ctx, 1, fullOrder)
	if err != nil {
		return "", err
	}
	store, closeDB, err := host.open(ctx)
	if err != nil {
		return "", err
	}
	defer closeDB()
	pay, err := payments.New(host.config(store))
	if err != nil {
		return "", err
	}
	pay.OnSettled(lane, func(context.Context, payments.Settled) error { return nil })
	w := httptest.NewRecorder()
	body := strings.NewReader(string(settlement(refs[0], time.Now())))
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, "/notifications/midtrans", body)
	if err != nil {
		return "", err
	}
	if pay.Handler().ServeHTTP(w, r); w.Code != http.StatusOK {
		return "", fmt.Errorf("the notification is answered with %d", w.Code)
	}
	return refs[0], pay.Drain(ctx)
}

// fullOrder has all that a shop tells of an order.
func fullOrder(i int) payments.CreateParams {
	p := oneMug(i)
	p.User.Name, p.User.Email, p.User.Phone = "Sari Wulandari", buyer(i)+"@shop.example", "+6281234567890"
	p.Reference, p.Metadata = "INV-"+buyer(i), map[string]string{"cart": "7f3a9c21", "campaign": "lebaran", "source": "app"}
	return p
}

// copying is a statement that copies a table's rows of the first payment, for
// the payments from $1 to $2. Ids and the buyer's name are replaced wherever
// they stand, so that documents and names still agree.
func (s *shop) copying(ctx context.Context, db *sql.Conn, table, original string) (string, error) {
	columns, err := texts(ctx, db, `SELECT column_name || ' ' || data_type FROM information_schema.columns
		WHERE table_schema = current_schema() AND table_name = $1 ORDER BY ordinal_position`, table)
	if err != nil {
		return "", err
	}
	const id = "'01900000-0000-7000-8000-' || lpad(g::text, 12, '0')"
	renamed := func(text string) string {
		return fmt.Sprintf("replace(replace(%s, '%s', %s), '%s', 'buyer-' || (g %% %d))", text, original, id, filledBuyer(0), s.buyers())
	}
	var names, values []string
	for _, column := range columns {
		name, kind, _ := strings.Cut(column, " ")
		value := "o." + name
		switch {
		case table == "lunas_message" && name == "id":
			value = "'01900001-0000-7000-8000-' || lpad((g * 8 + o.row_number)::text, 12, '0')"
		case name == "hash": // of a name, as the store makes it
			value = `sha256(convert_to('["' || o.kind || '","' || o.scope || '","' || ` + renamed("o.value") + ` || '"]', 'UTF8'))`
		case kind == "text":
			value = renamed(value)
		case kind == "bytea":
			value = "convert_to(" + renamed("convert_from("+value+", 'UTF8')") + ", 'UTF8')"
		}
		names, values = append(names, name), append(values, value)
	}
	return fmt.Sprintf(`INSERT INTO %[1]s (%[2]s) SELECT %[3]s FROM generate_series($1::bigint, $2::bigint) g,
		(SELECT *, row_number() OVER () AS row_number FROM %[1]s WHERE %[4]s = '%[5]s') o`,
		table, strings.Join(names, ", "), strings.Join(values, ", "), paymentColumn(table), original), nil
}

func paymentColumn(table string) string {
	if table == "lunas_payment" {
		return "id"
	}
	return "payment_id"
}

// indexes are statements that drop and make all that is sorted: to sort ten
// million rows is quicker than to find the place of each.
func indexes(ctx context.Context, db *sql.Conn) (drop, create []string, err error) {
	for _, q := range []struct{ drop, create string }{
		{
			"SELECT format('ALTER TABLE %I DROP CONSTRAINT %I', r.relname, c.conname)",
			"SELECT format('ALTER TABLE %I ADD CONSTRAINT %I %s', r.relname, c.conname, pg_get_constraintdef(c.oid))",
		},
		{"SELECT format('DROP INDEX %I', i.relname)", "SELECT pg_get_indexdef(i.oid)"},
	} {
		from := ` FROM pg_constraint c JOIN pg_class r ON r.oid = c.conrelid WHERE c.contype = 'p' AND r.relname LIKE 'lunas\_%' ORDER BY r.relname`
		if strings.Contains(q.drop, "DROP INDEX") {
			from = ` FROM pg_index x JOIN pg_class i ON i.oid = x.indexrelid JOIN pg_class r ON r.oid = x.indrelid
				WHERE NOT x.indisprimary AND r.relname LIKE 'lunas\_%' ORDER BY i.relname`
		}
		dropping, err := texts(ctx, db, q.drop+from)
		if err != nil {
			return nil, nil, err
		}
		creating, err := texts(ctx, db, q.create+from)
		if err != nil {
			return nil, nil, err
		}
		drop, create = append(drop, dropping...), append(create, creating...)
	}
	return drop, create, nil
}

func texts(ctx context.Context, db *sql.Conn, query string, args ...any) (all []string, err error) {
	rows, err := db.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", query, err)
	}
	defer rows.Close()
	for rows.Next() {
		var text string
		if err := rows.Scan(&text); err != nil {
			return nil, fmt.Errorf("%s: %w", query, err)
		}
		all = append(all, text)
	}
	return all, rows.Err()
}

func execAll(ctx context.Context, db *sql.Conn, statements []string) error {
	for _, statement := range statements {
		if _, err := db.ExecContext(ctx, statement); err != nil {
			return fmt.Errorf("%s: %w", statement, err)
		}
	}
	return nil
}
