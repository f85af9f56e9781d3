//! URLs and hosts by what is to be thought of them, written out by hand.

/// Hosts that may be written into `https://HOST/hook`.
pub(super) const GOOD_HOSTS: &[&str] = &[
    // Names, whatever they lead to: that shows when they are resolved.
    "example.com", "EXAMPLE.COM", "Example.Com", "example.com.", "hooks.example.com",
    "a.b.c.d.example.co.uk", "example.com:443", "example.com:8443", "example.com:", "example.com:0443",
    "example.com.:443", "intranet", "0x7g", "metadata.google.internal", "hook.local", "notlocalhost",
    "localhost.localdomain", "localhost.example.com", "my_host.example.com", "my-host.example.com",
    "1and1.com", "127.0.0.1.nip.io", "0x7f.example.com", "127-0-0-1.example.com", "xn--bcher-kva.example",
    "bücher.example", "BÜCHER.example", "例え.テスト", "ｅｘａｍｐｌｅ.com", "example。com",
    // Public addresses, some beside a guarded network.
    "8.8.8.8", "1.1.1.1", "9.9.9.9:8443", "93.184.216.34", "1.0.0.0", "9.255.255.255", "11.0.0.1",
    "100.63.255.255", "100.128.0.1", "126.255.255.255", "128.0.0.1", "169.253.255.255", "169.255.0.1",
    "172.15.255.255", "172.32.0.1", "192.0.1.1", "192.0.3.1", "192.167.1.1", "192.169.1.1",
    "198.17.255.255", "198.20.0.1", "203.0.114.1", "223.255.255.254", "[2606:4700:4700::1111]",
    "[2606:4700:4700:0:0:0:0:1111]:443", "[2606:4700:4700:0000:0000:0000:0000:1111]",
    "[2A00:1450:4001:81B::200E]", "[2001:4860:4860::8888]:8443", "[2001:200::1]", "[2001:db7::1]",
    "[2001:db9::1]", "[2003::1]", "[2620:fe::fe]", "[2400:cb00::1]", "[3fff:1000::1]",
    "[2606:4700::127.0.0.1]",
];

/// The same as whole texts.
pub(super) const GOOD_URLS: &[&str] = &[
    "https://example.com", "HTTPS://example.com/Hook", "https://example.com/hook?token=a%20b&x=1",
    "https://example.com/a/../b", "https://example.com/%7Eme", "https://example.com/@127.0.0.1",
    "https://example.com?@127.0.0.1", "https://example.com/?to=user@127.0.0.1",
    "https://example.com/?next=http://127.0.0.1/", "https://example.com/päth?ü=1",
    "https://example.com//two", "https://example.com/a;b=1,2", "https://example.com/a|b^c`d",
    "https://example.com/{id}/[x]?q={[|^`]}", "https://example.com/'a'\"b\"<c>",
    "https://example.com/:8080", "https://example.com?127.0.0.1",
];

/// Hosts that lead where nobody but this machine's neighbours gets.
pub(super) const GUARDED_HOSTS: &[&str] = &[
    "0.0.0.0", "0.0.0.1", "0.255.255.255", "10.0.0.0", "10.0.0.1", "10.1.2.3", "10.255.255.255",
    "100.64.0.0", "100.64.0.1", "100.100.100.200", "100.127.255.255", "127.0.0.0", "127.0.0.1",
    "127.0.0.2", "127.1.1.1", "127.255.255.255", "169.254.0.0", "169.254.1.1", "169.254.169.254",
    "169.254.170.2", "169.254.255.255", "172.16.0.0", "172.16.0.1", "172.17.0.1", "172.20.10.1",
    "172.31.255.255", "192.0.0.0", "192.0.0.1", "192.0.0.9", "192.0.0.170", "192.0.0.255", "192.0.2.0",
    "192.0.2.1", "192.0.2.255", "192.88.99.1", "192.88.99.2", "192.168.0.0", "192.168.0.1", "192.168.1.1",
    "192.168.255.255", "198.18.0.0", "198.18.0.1", "198.19.255.255", "198.51.100.0", "198.51.100.1",
    "203.0.113.0", "203.0.113.1", "203.0.113.255", "224.0.0.0", "224.0.0.1", "224.0.0.251",
    "239.255.255.250", "239.255.255.255", "240.0.0.0", "240.0.0.1", "250.1.2.3", "255.255.255.254",
    "255.255.255.255", "127.0.0.1:443", "127.0.0.1:8443", "10.0.0.1:80", "[::]", "[::0]", "[::1]",
    "[0:0:0:0:0:0:0:1]", "[0000:0000:0000:0000:0000:0000:0000:0001]", "[::0.0.0.1]", "[::1]:443",
    "[::1]:22", "[::2]", "[::127.0.0.1]", "[::7f00:1]", "[::8.8.8.8]", "[::808:808]", "[::fffe:127.0.0.1]",
    "[::ffff:0:127.0.0.1]", "[::ffff:0:8.8.8.8]", "[0:0:0:0:1:ffff:7f00:1]", "[1::1]", "[64:ff9b:1::]",
    "[64:ff9b:1::127.0.0.1]", "[64:ff9b:1::8.8.8.8]", "[64:ff9b:1:ffff::808:808]", "[64:ff9b::1:8.8.8.8]",
    "[64:ff9b:0:1::8.8.8.8]", "[100::]", "[100::1]", "[100:0:0:1::1]", "[1fff::1]", "[2001::]",
    "[2001::1]", "[2001:0:4136:e378:8000:63bf:3fff:fdd2]", "[2001:0:808:808::1]", "[2001:1::1]",
    "[2001:2::1]", "[2001:3::1]", "[2001:4:112::1]", "[2001:10::1]", "[2001:1f:ffff::1]", "[2001:20::1]",
    "[2001:2f::1]", "[2001:30::1]", "[2001:1ff:ffff::1]", "[2001:db8::]", "[2001:db8::1]",
    "[2001:DB8:85A3::8A2E:370:7334]", "[2001:db8:ffff:ffff:ffff:ffff:ffff:ffff]", "[3fff::]", "[3fff::1]",
    "[3fff:fff:ffff::1]", "[4000::1]", "[5f00::]", "[5f00::1]", "[5f00:ffff::1]", "[6000::1]", "[8000::1]",
    "[a000::1]", "[c000::1]", "[e000::1]", "[f000::1]", "[f800::1]", "[fc00::]", "[fc00::1]", "[fd00::1]",
    "[fd00:ec2::254]", "[fd12:3456:789a:1::1]", "[fdff:ffff:ffff:ffff:ffff:ffff:ffff:ffff]", "[fe00::1]",
    "[fe80::]", "[fe80::1]", "[FE80::1]", "[fe80::a00:27ff:fe4e:66a1]", "[febf:ffff::1]", "[fec0::1]",
    "[feff::1]", "[ff00::1]", "[ff01::1]", "[ff02::1]", "[ff02::fb]", "[ff05::2]", "[ff0e::1]",
    "[ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff]",
];

/// Addresses in disguise, of whatever network.
pub(super) const DISGUISED_HOSTS: &[&str] = &[
    // 127.0.0.1 and its like in decimal, octal, hex and short.
    "2130706433", "017700000001", "0x7f000001", "0X7F000001", "0x7f.1", "0x7F.0.0.1", "0177.1",
    "0177.0.0.1", "127.1", "127.0.1", "127.0.0.01", "127.0.0.001", "127.00.0.1", "0127.0.0.1",
    "127.0.0x0.1", "127.0x1", "0x7f.0x0.0x0.0x1", "0177.0000.0000.0001", "0x000000007f.1", "127.0.0.1.",
    "127.1.", "0x7f.1.", "2130706433.", "0", "00", "0x", "0x0", "0.", "0.0", "0x.0x.0x.0x", "1", "127",
    "10.1", "10.0x1", "012.1", "0xa.1", "0xa000001", "167772161", "3232235777", "0xc0a80101",
    "0300.0250.1.1", "192.168.257", "192.168.0x101", "192.11010305", "2852039166", "0xa9fea9fe",
    "0251.0376.0251.0376", "025177524776", "169.254.43518", "169.16689662", "0xa9.254.0xa9.254",
    "169.254.0251.0376", "4294967295", "0xffffffff", "037777777777", "2130706433:443", "0x7f.1:8443",
    // The same of public addresses.
    "134744072", "0x8080808", "010.010.010.010", "8.8.2056", "8.526344", "8.8.8.8.", "1.1", "01.1.1.1",
    "0x1.1.1.1", "16843009",
    // Digits and dots that only look different.
    "１２７.0.0.1", "127。0。0。1", "127．0．0．1", "127｡0｡0｡1", "①②⑦.⓪.⓪.①", "₁₂₇.0.0.1", "¹²⁷.0.0.1", "𝟏𝟐𝟕.0.0.1",
    "𝟶x7f.1", "０ｘ７ｆ.１", "０Ｘ７Ｆ０００００１", "２１３０７０６４３３", "127.0.0.1。", "127.0.0.1\u{ad}", "127\u{200b}.0.0.1",
    "127\u{2060}.0.0.1", "\u{feff}127.0.0.1", "127\u{fe0f}.0.0.1", "169。254。169。254", "１６９.２５４.１６９.２５４",
    "８.8.8.8",
    // An IPv4 address within IPv6.
    "[::ffff:127.0.0.1]", "[::ffff:7f00:1]", "[0:0:0:0:0:ffff:127.0.0.1]", "[::FFFF:7F00:0001]",
    "[::ffff:10.0.0.1]", "[::ffff:169.254.169.254]", "[::ffff:a9fe:a9fe]", "[::ffff:192.168.1.1]",
    "[::ffff:0.0.0.0]", "[::ffff:0:0]", "[::ffff:8.8.8.8]", "[::ffff:808:808]:8443", "[64:ff9b::]",
    "[64:ff9b::127.0.0.1]", "[64:ff9b::7f00:1]", "[64:ff9b::10.0.0.1]", "[64:ff9b::a9fe:a9fe]",
    "[64:ff9b::8.8.8.8]", "[0064:FF9B:0:0:0:0:7F00:0001]", "[2002::]", "[2002::1]", "[2002:7f00:1::]",
    "[2002:7f00:1::1]", "[2002:7f00:1:ffff:ffff:ffff:ffff:ffff]", "[2002:a00:1::1]", "[2002:a9fe:a9fe::]",
    "[2002:c0a8:101::1]", "[2002:e000:1::]", "[2002:ffff:ffff::]", "[2002:808:808::1]",
];

pub(super) const NAMES_OF_THIS_MACHINE: &[&str] = &[
    "localhost", "LOCALHOST", "LocalHost", "localhost.", "localhost:443", "localhost:8443", "localhost:22",
    "foo.localhost", "a.b.localhost", "foo.localhost.", "Foo.LOCALHOST", "ｌｏｃａｌｈｏｓｔ", "ⓛⓞⓒⓐⓛⓗⓞⓢⓣ",
    "loc\u{ad}alhost", "localhost。", "foo。localhost", "ℒocalhost", "𝓁𝓸calhost", "l\u{200b}ocalhost",
];

pub(super) const IMPOSSIBLE_HOSTS: &[&str] = &[
    "-example.com", "example-.com", "a..com", "example.com..", ".example.com", ".", "。", "exa$mple.com",
    "exa!mple.com", "*.example.com", "(x).com", "exa'mple.com", "exa~mple.com", "exa&b.com", "exa+b.com",
    "exa,b.com", "exa;b.com", "exa=b.com",
    "abcdefghijabcdefghijabcdefghijabcdefghijabcdefghijabcdefghijabcd.example.com",
];

pub(super) const ENCODED_HOSTS: &[&str] = &[
    "%31%32%37.0.0.1", "127.0.0.%31", "127%2e0%2E0%2e1", "%6cocalhost", "loc%61lhost", "%6C%6F%63alhost",
    "example%2ecom", "%65xample.com", "%EF%BC%9127.0.0.1", "127%E3%80%820.0.1", "user%40x@example.com", "example.com%2f@x",
];

pub(super) const NO_HOSTS: &[&str] = &[
    ":443", "?", "[fe80::1%25eth0]", "[fe80::1%eth0]", "[::1%25lo]", "[::1", "::1]", "::1", "[[::1]]",
    "[]", "[::ffff:127.0.0.256]", "[::ffff:127.1]", "[::ffff:0x7f.0.0.1]", "[1:2:3:4:5:6:7:8:9]",
    "[::1::]", "[:::1]", "[12345::1]", "[127.0.0.1]", "[localhost]", "[::g]", "%5B::1%5D",
    "256.256.256.256", "127.0.0.256", "1.2.3.4.5", "127.0.0.1.1", "4294967296", "0x100000000",
    "127.0.0.0x100", "127.0.65536", "0x7f.0x1000000", "09.1.1.1", "8.8.8.08", "127.0.0.08", "a.0x7f",
    "example.08", "example.1", "..1", "example.com%00", "127.0.0.1%00.example.com",
    "example.com%0d%0aHost:x", "example.com%20", "exa<mple.com", "exa>mple.com",
    "exa^mple.com", "exa|mple.com", "example.com＠127.0.0.1", "example.com／x", "example.com：443",
    "example.com＃x", "example.com？x", "example.com％x", "℀.com", "example.com:99999", "example.com:65536",
    "example.com:-1", "example.com:https", "example.com:0x1bb", "example.com:443:443", "example.com:４４３",
    "xn--a", "xn--example-\u{e9}", "\u{ad}",
];

pub(super) const MISUNDERSTOOD: &[&str] = &[
    "https://127.0.0.1\t/", "ht\ttps://example.com/", "https\n://example.com/", "https://exam\nple.com/",
    "https://127.0.\r\n0.1/", "https:\t//example.com/", "https:/\t/example.com/", " https://example.com/",
    "https://example.com/ ", "\thttps://example.com/", "https://example.com/\n",
    "\u{1}https://example.com/", "https://example.com/\0", "https://example.com\0.evil.example/",
    "https://example.com/\u{7f}", "https://example.com/a b", "https://exa mple.com/",
    "https://example.com\\@127.0.0.1/", "https://127.0.0.1\\@example.com/", "https:\\\\127.0.0.1\\hook",
    "https:/\\127.0.0.1/", "https:\\/127.0.0.1/", "https://example.com/a\\b", "https://127.0.0.1\u{a0}/",
    "https://127.0.0.1\u{3000}/", "https://example.com\u{2028}/", "https://example.com/\u{85}",
];

pub(super) const OTHER_SCHEMES: &[&str] = &[
    "http://example.com/", "HTTP://example.com/", "http://example.com:443/", "http://127.0.0.1/",
    "ftp://example.com/", "ws://example.com/", "wss://example.com/", "gopher://example.com:443/_GET",
    "dict://example.com:443/", "ldap://example.com/", "httpss://example.com/", "https+unix://example.com/",
    "sftp://example.com/", "tftp://example.com/", "file://example.com/etc/passwd",
    "smb://example.com/share",
];

pub(super) const WITHOUT_HOST: &[&str] = &[
    "", "/", "hook", "https", "https:", "https:/", "https://", "https:///", "https:example.com",
    "https:/example.com", "https:///example.com/", "https:////example.com/", "https:127.0.0.1",
    "//example.com/hook", "example.com/hook", "example.com:443/hook", "127.0.0.1", "127.0.0.1:443",
    "[::1]", "https//example.com", "://example.com", "file:///etc/passwd", "javascript:alert(1)",
    "data:text/plain,hello", "unix:/run/applyd.sock", "mailto:a@example.com",
    "view-source:https://example.com", "blob:https://example.com/x", "jar:https://example.com!/",
    "https;//example.com",
];

pub(super) const WITH_USER: &[&str] = &[
    "https://user@example.com/", "https://user:password@example.com/", "https://:password@example.com/",
    "https://@example.com/", "https://:@example.com/", "https://example.com@127.0.0.1/",
    "https://127.0.0.1@example.com/", "https://a@b@example.com/", "https://example.com:443@127.0.0.1/",
    "https://user@[::1]/", "https://example.com;@127.0.0.1/", "https://１２７.0.0.1@example.com/",
    "https://@@example.com/",
];

pub(super) const WITH_FRAGMENT: &[&str] = &[
    "https://example.com/#", "https://example.com/#top", "https://example.com/?a#b",
    "https://example.com#", "https://example.com#@127.0.0.1", "https://127.0.0.1#.example.com",
    "https://example.com/#/@127.0.0.1",
];

pub(super) const OTHER_PORTS: &[&str] = &[
    "example.com:80", "example.com:8080", "example.com:22", "example.com:25", "example.com:0",
    "example.com:1", "example.com:442", "example.com:444", "example.com:8442", "example.com:8444",
    "example.com:6379", "example.com:65535", "example.com:00080", "example.com.:80", "8.8.8.8:80",
    "8.8.8.8:53", "[2606:4700:4700::1111]:80", "metadata.google.internal:80",
];
