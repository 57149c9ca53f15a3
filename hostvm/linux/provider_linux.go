package linux

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"regexp"
	"time"

	subscription "github.com/mdlayher/netlink"
	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"github.com/hcsroute/hcsroute/hostvm"
	"github.com/hcsroute/hcsroute/hostvm/internal/latest"
)

// settle is how long after the first notification the links are listed, so
// that one list serves a burst of them; recheck is how often without any.
const (
	settle  = 50 * time.Millisecond
	recheck = time.Minute
)

// listTries is how often a list that the kernel calls interrupted is repeated.
const listTries = 5

// Provider follows the kernel's links and addresses.
type Provider struct {
	latest.Value[hostvm.Snapshot]
	pattern *regexp.Regexp
	root    string
}

// New lists the links and addresses once; Run follows them. It needs no privilege.
func New(o Options) (hostvm.Inventory, error) {
	if o.Pattern == "" {
		o.Pattern = DefaultPattern
	}
	if o.Root == "" {
		o.Root = "/"
	}
	pattern, err := regexp.Compile("(?i)" + o.Pattern)
	if err != nil {
		return nil, fmt.Errorf("pattern of port names: %w", err)
	}
	p := &Provider{pattern: pattern, root: o.Root}
	p.renew()
	return p, nil
}

// Run implements hostvm.Inventory. Whatever the kernel tells, and also that it
// lost something (ENOBUFS), means that the links are listed anew.
func (p *Provider) Run(ctx context.Context) error {
	conn, err := subscription.Dial(unix.NETLINK_ROUTE, &subscription.Config{
		Groups: unix.RTMGRP_LINK | unix.RTMGRP_IPV4_IFADDR | unix.RTMGRP_IPV6_IFADDR,
	})
	if err != nil {
		return fmt.Errorf("subscribe to links and addresses: %w", err)
	}
	told, ended := make(chan struct{}, 1), make(chan error, 1)
	go func() { ended <- listen(conn, told) }()
	err = p.follow(ctx, told, ended)
	_ = conn.Close()
	if err == nil {
		<-ended //nolint:errcheck // it says that Close ended it
	}
	return err
}

// follow lists the links when told; it returns an error when listen ended.
func (p *Provider) follow(ctx context.Context, told <-chan struct{}, ended <-chan error) error {
	due := time.NewTimer(0) // what changed before the subscription
	defer due.Stop()
	waiting := false
	for {
		select {
		case <-ctx.Done():
			return nil
		case err := <-ended:
			return fmt.Errorf("notifications of links and addresses: %w", err)
		case <-told:
			if !waiting {
				waiting = true
				due.Reset(settle)
			}
		case <-due.C:
			waiting = false
			p.renew()
			due.Reset(recheck)
		}
	}
}

// listen passes on that something happened until the connection is closed.
func listen(conn *subscription.Conn, told chan<- struct{}) error {
	for {
		if _, err := conn.Receive(); err != nil && !errors.Is(err, unix.ENOBUFS) {
			return err
		}
		select {
		case told <- struct{}{}:
		default:
		}
	}
}

// renew lists everything. Where that fails, the facts count as unknown.
func (p *Provider) renew() {
	snap, err := p.list()
	if err != nil {
		snap = &hostvm.Snapshot{Problem: "the kernel's links could not be read: " + err.Error()}
	}
	if old := p.Current(); old == nil || !reflect.DeepEqual(old, snap) {
		p.Set(snap)
	}
}

func (p *Provider) list() (*hostvm.Snapshot, error) {
	var links []netlink.Link
	var addrs []netlink.Addr
	err := complete(func() (err error) { links, err = netlink.LinkList(); return err })
	if err == nil {
		err = complete(func() (err error) { addrs, err = netlink.AddrList(nil, netlink.FAMILY_ALL); return err })
	}
	if err != nil {
		return nil, err
	}
	return newView(links, addrs).snapshot(p.pattern, leases{p.root}), nil
}

// complete repeats a list that changed while the kernel wrote it.
func complete(list func() error) error {
	var err error
	for range listTries {
		if err = list(); !errors.Is(err, netlink.ErrDumpInterrupted) {
			return err
		}
	}
	return err
}
