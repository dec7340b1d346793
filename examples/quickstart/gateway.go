package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"strings"

	"github.com/lunaspay/lunas/adapters/gateways/fazz"
	"github.com/lunaspay/lunas/adapters/gateways/fazz/fazztest"
	"github.com/lunaspay/lunas/adapters/gateways/midtrans"
	"github.com/lunaspay/lunas/adapters/gateways/midtrans/midtranstest"
	"github.com/lunaspay/lunas/payments"
	"github.com/lunaspay/lunas/payments/routing"
)

// provider is a gateway, and the simulated company behind it, if it is.
type provider struct {
	payments.Gateway
	title     string
	simulator simulator // nil: the real sandbox
}

type simulator interface {
	Handler() http.Handler
	Run(ctx context.Context) error
}

// openers make the gateways that -gateway can name. What of the gateway's
// orders must outlive this process, a simulator keeps in a file of its own that
// begins with state.
var openers = map[string]func(base, state string) (provider, error){
	"midtrans": openMidtrans,
	"fazz":     openFazz,
}

// openGateways opens those that are named, with commas between.
func openGateways(names, base, state string) ([]provider, error) {
	var opened []provider
	for name := range strings.SplitSeq(names, ",") {
		open, ok := openers[name]
		if !ok {
			return nil, fmt.Errorf("-gateway: %q is neither midtrans nor fazz", name)
		}
		p, err := open(base, state)
		if err != nil {
			return nil, err
		}
		opened = append(opened, p)
	}
	return opened, nil
}

// use tells payments of the gateways: of several, each checkout tries the first
// one that can take it, and the next where that fails.
func use(c *payments.Config, opened []provider) {
	var names []string
	for _, p := range opened {
		c.Gateways, names = append(c.Gateways, p.Gateway), append(names, p.Name())
	}
	c.Router = routing.Rules(routing.Rule{Use: names})
}

// openMidtrans is the simulated Midtrans of this process, or the real sandbox
// if its keys are in the environment.
func openMidtrans(base, state string) (provider, error) {
	serverKey, clientKey := os.Getenv("MIDTRANS_SERVER_KEY"), os.Getenv("MIDTRANS_CLIENT_KEY")
	if (serverKey == "") != (clientKey == "") {
		return provider{}, errors.New("set both MIDTRANS_SERVER_KEY and MIDTRANS_CLIENT_KEY for the sandbox, or neither for the simulator")
	}
	if serverKey != "" {
		gateway := midtrans.SnapAndCore(midtrans.Config{ServerKey: serverKey, ClientKey: clientKey})
		return provider{gateway, "Midtrans", nil}, gateway.Check()
	}
	simulator := midtranstest.New(
		midtranstest.WithURL(base+"/midtrans"),
		midtranstest.WithStateFile(state+".midtrans.json"),
		midtranstest.WithNotificationURL(base+"/pay/notifications/midtrans"),
	)
	return provider{midtrans.SnapAndCore(simulator.Config()), "Midtrans", simulator}, nil
}

// openFazz is the simulated Fazz of this process, or the real sandbox if its
// keys are in the environment.
func openFazz(base, state string) (provider, error) {
	api, secret, signing := os.Getenv("FAZZ_API_KEY"), os.Getenv("FAZZ_SECRET_KEY"), os.Getenv("FAZZ_SIGNING_SECRET")
	if api+secret+signing != "" {
		gateway := fazz.New(fazz.Config{APIKey: api, SecretKey: secret, SigningSecret: signing})
		return provider{gateway, "Fazz", nil}, gateway.Check()
	}
	simulator := fazztest.New(
		fazztest.WithURL(base+"/fazz"),
		fazztest.WithStateFile(state+".fazz.json"),
		fazztest.WithNotificationURL(base+"/pay/notifications/fazz"),
	)
	return provider{fazz.New(simulator.Config()), "Fazz", simulator}, nil
}
