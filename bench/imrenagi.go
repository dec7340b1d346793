package main

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"github.com/imrenagi/go-payment"
	dssql "github.com/imrenagi/go-payment/datastore/sql"
	"github.com/imrenagi/go-payment/gateway/midtrans"
	"github.com/imrenagi/go-payment/invoice"
	"github.com/imrenagi/go-payment/manage"
	"github.com/imrenagi/go-payment/server"
	"github.com/imrenagi/go-payment/util/localconfig"
	"gorm.io/gorm"
)

// imrenagi is github.com/imrenagi/go-payment with its GORM repositories,
// mounted as its example server mounts it. It checks the signature, stores the
// message's status, and pays the invoice, in a transaction each.
type imrenagi struct{ setup setup }

// imrenagiIndexes are those that its models ask for in words of GORM 1, which
// GORM 2 passes over in silence. Without them every notification reads whole
// tables.
var imrenagiIndexes = []string{
	"CREATE UNIQUE INDEX inv_number_k ON invoices (number)",
	"CREATE UNIQUE INDEX order_id_k ON midtrans_transaction_status (order_id)",
	"CREATE UNIQUE INDEX transaction_id_k ON midtrans_transaction_status (transaction_id)",
	"CREATE INDEX ON invoice_payment_info (invoice_id)",
	"CREATE INDEX ON invoice_line_items (invoice_id)",
	"CREATE INDEX ON invoice_billing_addresses (invoice_id)",
}

func (im *imrenagi) prepare(ctx context.Context, n int) ([]string, error) {
	db, closeDB, err := openGORM(im.setup, &gorm.Config{})
	if err != nil {
		return nil, err
	}
	defer closeDB()
	db = db.WithContext(ctx)
	err = db.AutoMigrate(&midtrans.TransactionStatus{}, &invoice.Invoice{}, &invoice.Payment{}, &invoice.CreditCardDetail{},
		&invoice.LineItem{}, &invoice.BillingAddress{})
	if err != nil {
		return nil, fmt.Errorf("make tables: %w", err)
	}
	for _, statement := range imrenagiIndexes {
		if err := db.Exec(statement).Error; err != nil {
			return nil, fmt.Errorf("%s: %w", statement, err)
		}
	}
	orders, refs := make([]*invoice.Invoice, n), make([]string, n)
	for i := range orders {
		if orders[i], err = openInvoice(ctx, i); err != nil {
			return nil, fmt.Errorf("make order: %w", err)
		}
		refs[i] = orders[i].Number
	}
	if err := db.CreateInBatches(orders, 500).Error; err != nil {
		return nil, fmt.Errorf("make orders: %w", err)
	}
	return refs, nil
}

// openInvoice is what its GenerateInvoice leaves of a virtual account.
func openInvoice(ctx context.Context, i int) (*invoice.Invoice, error) {
	inv := invoice.NewWithDurationLimit(24 * time.Hour)
	if err := inv.SetItems(ctx, []invoice.LineItem{*invoice.NewLineItem("Mug", "MUG", "Shop", "A mug", price, 1, "IDR")}); err != nil {
		return nil, err
	}
	if err := inv.UpsertBillingAddress(buyer(i), buyer(i)+"@shop.example", "081234567890"); err != nil {
		return nil, err
	}
	waiting := (24 * time.Hour).Milliseconds()
	inv.Payment = &invoice.Payment{
		Gateway: payment.GatewayMidtrans.String(), PaymentType: payment.SourceBCAVA, WaitingTimeMS: &waiting,
		Token: "66e4fa55-fdac-4ef9-91b5-733b97d1b862", RedirectURL: "https://app.sandbox.midtrans.com/snap/v2/vtweb/" + inv.Number,
	}
	return inv, inv.Publish(ctx)
}

func (im *imrenagi) serve(context.Context) (http.Handler, func(), error) {
	db, closeDB, err := openGORM(im.setup, &gorm.Config{PrepareStmt: true})
	if err != nil {
		return nil, nil, err
	}
	m := manage.NewManager(localconfig.Config{}, localconfig.PaymentSecret{Midtrans: localconfig.APICredential{SecretKey: serverKey}})
	m.MustMidtransTransactionStatusRepository(dssql.NewMidtransTransactionRepository(db))
	m.MustInvoiceRepository(dssql.NewInvoiceRepository(db))
	mux := http.NewServeMux()
	mux.Handle("POST "+notificationPath, server.NewServer(m).MidtransTransactionCallbackHandler())
	return mux, closeDB, nil
}

// audit: it has no events and no state for a wrong amount, so what it must not
// do with one is to take the invoice as paid.
func (im *imrenagi) audit() audit {
	open := expected{exactly: map[string]int{invoice.Published.String(): 1}}
	a := audit{
		"invoices": {
			query:  fmt.Sprintf("SELECT number, CASE state WHEN %d THEN 'PUBLISHED' WHEN %d THEN 'PAID' ELSE 'OTHER' END, 1 FROM invoices", invoice.Published, invoice.Paid),
			paid:   expected{exactly: map[string]int{invoice.Paid.String(): 1}},
			review: open, open: open,
		},
		"statuses": {
			query: "SELECT order_id, 'status', count(*) FROM midtrans_transaction_status GROUP BY order_id",
			paid:  expected{exactly: map[string]int{"status": 1}},
		},
	}
	if im.setup.Hostile {
		delete(a, "statuses")
	}
	return a
}
