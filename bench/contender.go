package main

import (
	"context"
	"fmt"
	"maps"
	"net/http"
	"slices"
)

// setup is what a contender is made of. It travels to child processes.
type setup struct {
	// Contender names the code, Dialect and DSN its database, Pool the
	// greatest number of its connections.
	Contender string `json:"contender"`
	Dialect   string `json:"dialect"`
	DSN       string `json:"dsn"`
	Pool      int    `json:"pool"`
	// StatusURL is the gateway's, if it is to be asked: to confirm
	// notifications, which else are believed, or to open a checkout.
	StatusURL string `json:"status_url,omitempty"`
	// Delivers: the process that takes notifications also calls the hooks.
	Delivers bool `json:"delivers,omitempty"`
	// Since is the first order that is audited, and Buyers how many have a
	// history, in a shop that was filled.
	Since  string `json:"since,omitempty"`
	Buyers int    `json:"buyers,omitempty"`
	// Size is how many hooks are called at once, if a number was tried out.
	Size int `json:"size,omitempty"`
	// Hostile: more comes of an order than one settlement.
	Hostile bool `json:"hostile,omitempty"`
}

// contender is one way to take notifications. Its methods run in different
// processes, so they share nothing but the database.
type contender interface {
	// prepare makes the tables and n orders that wait for their money, and
	// returns the references that notifications name them by.
	prepare(ctx context.Context, n int) (refs []string, err error)
	// serve returns the handler of notificationPath, warm and ready, and what
	// closes it.
	serve(ctx context.Context) (http.Handler, func(), error)
	// audit says how to read what is stored, and what is to be found.
	audit() audit
}

// notificationPath is where a host that follows the README gets Midtrans's
// notifications; all contenders take them there.
const notificationPath = "/pay/notifications/midtrans"

var contenders = map[string]func(setup) contender{
	"lunas":     func(s setup) contender { return &lunas{s} },
	"hand":      func(s setup) contender { return handWritten(s) },
	"hand-gorm": func(s setup) contender { return &handGORM{s} },
	"imrenagi":  func(s setup) contender { return &imrenagi{s} },
}

func newContender(s setup) (contender, error) {
	make, known := contenders[s.Contender]
	if !known {
		return nil, fmt.Errorf("there is no contender %q, only %v", s.Contender, slices.Sorted(maps.Keys(contenders)))
	}
	return make(s), nil
}

// handWritten is the code without any ORM, in the best driver of its database.
func handWritten(s setup) contender {
	if s.Dialect == mariaDB {
		return &handSQL{s}
	}
	return &handPGX{s}
}
