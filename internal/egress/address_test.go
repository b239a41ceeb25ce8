package egress

import (
	"net/netip"
	"testing"
)

func TestA34_AddressClasses(t *testing.T) {
	for _, tc := range []struct {
		reach reach
		ips   []string
	}{
		{reachNever, []string{
			"169.254.169.254", "169.254.170.2", "169.254.0.1", "fe80::1", "febf::1",
			"fd00:ec2::254", "fd00:ec2::23", "fd20:ce::254", "100.100.100.200", "168.63.129.16", "192.0.0.192",
			"0.0.0.0", "0.1.2.3", "::", "224.0.0.1", "239.255.255.255", "ff02::1", "255.255.255.255",
		}},
		{reachListed, []string{
			"127.0.0.1", "127.255.255.254", "::1", "10.0.0.1", "172.16.0.1", "172.31.255.255", "192.168.1.1",
			"100.64.0.1", "100.127.255.255", "192.0.0.8", "192.0.2.1", "192.88.99.1", "198.18.0.1", "198.19.255.255",
			"198.51.100.1", "203.0.113.1", "240.0.0.1", "255.255.255.254", "fc00::1", "fdff::1", "fec0::1",
			"2001:db8::1", "3fff::1", "2001:2::1", "100::1", "64:ff9b:1::1", "5f00::1", "4000::1",
		}},
		{reachAnybody, []string{
			"1.1.1.1", "8.8.8.8", "11.0.0.1", "9.255.255.255", "100.63.255.255", "100.128.0.1", "126.255.255.255",
			"128.0.0.1", "169.253.255.255", "169.255.0.1", "172.15.255.255", "172.32.0.1", "192.167.255.255",
			"192.169.0.1", "198.17.255.255", "198.20.0.1", "223.255.255.255", "2606:4700::1111", "2a00:1450::1",
			"2001:4860:4860::8888", "2600:1f00::1",
		}},
	} {
		for _, ip := range tc.ips {
			if got, what := classify(netip.MustParseAddr(ip)); got != tc.reach {
				t.Errorf("classify(%s) = %v (%s), want %v", ip, got, what, tc.reach)
			}
		}
	}
}

func TestA35_AddressesInsideAddresses(t *testing.T) {
	for _, tc := range []struct {
		ip    string
		reach reach
	}{
		{"::ffff:169.254.169.254", reachNever}, // IPv4-mapped
		{"::ffff:127.0.0.1", reachListed},
		{"::ffff:10.0.0.1", reachListed},
		{"::ffff:8.8.8.8", reachAnybody},
		{"::169.254.169.254", reachNever}, // IPv4-compatible
		{"::127.0.0.1", reachListed},
		{"::8.8.8.8", reachListed},
		{"64:ff9b::169.254.169.254", reachNever}, // NAT64
		{"64:ff9b::100.100.100.200", reachNever},
		{"64:ff9b::10.0.0.1", reachListed},
		{"64:ff9b::127.0.0.1", reachListed},
		{"64:ff9b::8.8.8.8", reachAnybody},
		{"2002:a9fe:a9fe::1", reachNever}, // 6to4 of 169.254.169.254
		{"2002:7f00:1::1", reachListed},
		{"2002:808:808::1", reachListed},
		{"2001:0:808:808::5601:5601", reachNever}, // Teredo, client 169.254.169.254
		{"2001:0:a9fe:a9fe::f7f7:f7f7", reachNever},
		{"2001:0:808:808::80ff:fffe", reachListed}, // Teredo, client 127.0.0.1
		{"fe80::1%eth0", reachNever},
		{"2606:4700::1111%eth0", reachNever},
	} {
		if got, what := classify(netip.MustParseAddr(tc.ip)); got != tc.reach {
			t.Errorf("classify(%s) = %v (%s), want %v", tc.ip, got, what, tc.reach)
		}
	}
	if got, _ := classify(netip.Addr{}); got != reachNever {
		t.Errorf("classify(no address) = %v, want never", got)
	}
}
