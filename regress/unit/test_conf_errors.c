/* links: regress/unit/conf_text.c */
/* The configuration: what is wrong is said, with file and line. */

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "../../mctd/conf/conf.h"
#include "conf_text.h"

#define LENGTH(a) (sizeof(a) / sizeof((a)[0]))

static const struct wrong {
	const char *text;
	const char *error;
} words[] = {
	{ "foo\n", "t:1: unknown word \"foo\"" },
	{ "\n\nfoo bar baz\n", "t:3: unknown word \"foo\"" },
	{ "foo { a 1 }\n", "t:1: unknown word \"foo\"" },
	{ "foo", "t:1: unknown word \"foo\"" },
	{ "user a\nUser b\n", "t:2: unknown word \"User\"" },
	{ "role observe group staff\n", "t:1: unknown word \"role\"" },
	{ "allow from user a\n", "t:1: unknown word \"allow\"" },
	{ "mode 0600\n", "t:1: unknown word \"mode\"" },
	{ "tcp:1.2.3.4:5 tcp:1.2.3.4:6\n",
	    "t:1: unknown word \"tcp:1.2.3.4:5\"" },
	{ "limits { flow 64 }\n",
	    "t:1: unknown word \"flow\" in the braces of limits" },
	{ "limits { join 64 }\n",
	    "t:1: unknown word \"join\" in the braces of limits" },
	{ "timeouts {\nidle 1\nflows 1\n}\n",
	    "t:3: unknown word \"flows\" in the braces of timeouts" },
	{ "timeouts { sessions 1 }\n",
	    "t:1: unknown word \"sessions\" in the braces of timeouts" },
	{ "bridge udp:*:1 udp:1.2.3.4:1 {\n join\n}\n",
	    "t:2: something is missing at the end" },
	{ "bridge udp:*:1 udp:1.2.3.4:1 {\n join src\n}\n",
	    "t:2: something is missing at the end" },
	{ "bridge udp:*:1 udp:1.2.3.4:1 {\n join src }\n",
	    "t:2: unexpected \"}\"" },
	{ "bridge udp:*:1 udp:1.2.3.4:1 {\n join src 239.1.1.1 source }\n",
	    "t:2: unexpected \"}\"" },
	{ "bridge udp:*:1 udp:1.2.3.4:1 {\n join src 239.1.1.1\n"
	    "interface eth1 }\n",
	    "t:3: unknown word \"interface\" in the braces of a bridge" },
	{ "bridge udp:*:1 udp:1.2.3.4:1 { ttl dst }\n",
	    "t:1: unexpected \"}\"" },
	{ "bridge udp:*:1 udp:1.2.3.4:1 { min dst 4 }\n",
	    "t:1: min \"dst\": this is not a number of bytes like 500, 64K, "
	    "10M or 1G" },
	{ "bridge tcp:*:1 tcp:1.2.3.4:1 { drain 1 }\n",
	    "t:1: unknown word \"drain\" in the braces of a bridge; is a "
	    "\"}\" missing?" },
	/* Braces. */
	{ "limits {\nsessions 1\n",
	    "t:1: the \"}\" to this \"{\" is missing" },
	{ "\nlimits \\\n{", "t:3: the \"}\" to this \"{\" is missing" },
	{ "limits { sessions 1\nuser a\n",
	    "t:2: unknown word \"user\" in the braces of limits; is a \"}\" "
	    "missing?" },
	{ "bridge tcp:*:1 tcp:1.2.3.4:1 {\n max 1\n"
	    "bridge tcp:*:2 tcp:1.2.3.4:1\n",
	    "t:3: unknown word \"bridge\" in the braces of a bridge; is a "
	    "\"}\" missing?" },
	{ "limits sessions 1 }\n", "t:1: unexpected \"sessions\"" },
	{ "limits\n{ sessions 1 }\n",
	    "t:1: something is missing at the end" },
	{ "limits { { sessions 1 } }\n", "t:1: unexpected \"{\"" },
	{ "user a\n}\n", "t:2: unexpected \"}\"" },
	{ "limits { sessions 1 } user a\n", "t:1: unexpected \"user\"" },
	{ "limits { sessions }\n", "t:1: unexpected \"}\"" },
	{ "limits { sessions\n1 }\n",
	    "t:1: something is missing at the end" },
	{ "limits { \"sessions\" 1 }\n", "t:1: unexpected \"sessions\"" },
	{ "limits { sessions = 1 }\n", "t:1: unexpected \"=\"" },
	/* Lines. */
	{ "user\n", "t:1: something is missing at the end" },
	{ "user", "t:1: something is missing at the end" },
	{ "user a b\n", "t:1: unexpected \"b\"" },
	{ "user = a\n", "t:1: unexpected \"=\"" },
	{ "chroot { }\n", "t:1: unexpected \"{\"" },
	{ "\"user\" a\n", "t:1: unexpected \"user\"" },
	{ "a =\n", "t:1: something is missing at the end" },
	{ "a = b c\n", "t:1: unexpected \"c\"" },
	{ "include\n", "t:1: something is missing at the end" },
	/* Text. */
	{ "a = \"b\nuser $a\n", "t:1: the quotes are not closed" },
	{ "user \"a", "t:1: the quotes are not closed" },
	{ "user \"a\\", "t:1: in quotes a backslash stands only before '\"' "
	    "or a second backslash" },
	{ "chroot \"/\\n\"\n", "t:1: in quotes a backslash stands only "
	    "before '\"' or a second backslash" },
	{ "chroot \"/\t\"\n", "t:1: byte 0x09 in quotes" },
	{ "user a\"b\"\n", "t:1: '\"' after a word: quote it all, or put a "
	    "blank between" },
	{ "user \"a\"b\n", "t:1: 'b' after a word: quote it all, or put a "
	    "blank between" },
	{ "user a# b\n", "t:1: '#' after a word: quote it all, or put a "
	    "blank between" },
	{ "user a$b\n", "t:1: '$' after a word: quote it all, or put a "
	    "blank between" },
	{ "a = b\nuser $a.c\n", "t:2: '.' after a word: quote it all, or "
	    "put a blank between" },
	{ "user a\r\n", "t:1: byte 0x0d outside of quotes" },
	{ "user \xc3\xa4\n", "t:1: byte 0xc3 outside of quotes" },
	/* Macros. */
	{ "user $a\n", "t:1: macro \"a\" is not defined" },
	{ "user $\n", "t:1: '$' without the name of a macro" },
	{ "a-b = c\n", "t:1: \"a-b\" cannot be the name of a macro" },
	{ "1 = c\n", "t:1: \"1\" cannot be the name of a macro" },
	{ "a = b\n$a = c\n", "t:2: unexpected \"b\"" },
	{ "a = user\n$a x\n", "t:2: unexpected \"user\"" },
}, values[] = {
	{ "user a\nuser a\n", "t:2: \"user\" is given a second time" },
	{ "chroot /a\nchroot /b\n",
	    "t:2: \"chroot\" is given a second time" },
	{ "socket /a\n\nsocket /a mode 0600\n",
	    "t:3: \"socket\" is given a second time" },
	{ "socket /a mode 0600 mode 0600\n",
	    "t:1: \"mode\" is given a second time" },
	{ "socket /a group a group b\n",
	    "t:1: \"group\" is given a second time" },
	{ "limits { sessions 1\nsessions 1 }\n",
	    "t:2: \"sessions\" is given a second time" },
	{ "limits { sessions 1 }\nlimits { sessions 1 }\n",
	    "t:2: \"sessions\" is given a second time" },
	{ "timeouts { drain 1 }\ndrain 1\n",
	    "t:2: \"drain\" is given a second time" },
	{ "bridge tcp:*:1 tcp:1.2.3.4:1 { max 1 max 1 }\n",
	    "t:1: \"max\" is given a second time" },
	{ "directory /a\ndirectory /a/\n",
	    "t:2: directory \"/a\" is given a second time" },
	/* Names, paths. */
	{ "user \"\"\n", "t:1: a user is empty" },
	{ "user -a\n", "t:1: \"-a\" cannot be the name of a user" },
	{ "user a:b\n", "t:1: \"a:b\" cannot be the name of a user" },
	{ "socket /a group \"b c\"\n",
	    "t:1: \"b c\" cannot be the name of a group" },
	{ "user aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
	    "aaaaaaaaaaaa\n", "t:1: a user is longer than 63 bytes" },
	{ "chroot a\n", "t:1: chroot must be a path that begins with '/'" },
	{ "socket run/m.sock\n",
	    "t:1: the socket path must be a path that begins with '/'" },
	{ "socket @mctd\n",
	    "t:1: the socket path must be a path that begins with '/'" },
	{ "socket /aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
	    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\n",
	    "t:1: the socket path is longer than 107 bytes" },
	{ "directory a\n",
	    "t:1: a directory must be a path that begins with '/'" },
#define ONE_WAY                                                   \
	"t:1: a directory must be written without \"//\", \".\" " \
	"and \"..\", and cannot be \"/\""
	{ "directory /\n", ONE_WAY }, { "directory //\n", ONE_WAY },
	{ "directory //a\n", ONE_WAY }, { "directory /a//b\n", ONE_WAY },
	{ "directory /a//\n", ONE_WAY }, { "directory /a/.\n", ONE_WAY },
	{ "directory /a/../b\n", ONE_WAY }, { "directory /..\n", ONE_WAY },
	{ "directory /./a\n", ONE_WAY },
	{ "directory /1\ndirectory /2\ndirectory /3\ndirectory /4\n"
	    "directory /5\ndirectory /6\ndirectory /7\ndirectory /8\n"
	    "directory /9\n", "t:9: more than 8 directories" },
	{ "include \"\"\n",
	    "t:1: the name of the file to include has 0 bytes, not 1 to 255" },
	/* Numbers. */
	{ "socket /a mode 0800\n",
	    "t:1: mode \"0800\": this is not an octal number" },
	{ "socket /a mode u+w\n",
	    "t:1: mode \"u+w\": this is not an octal number" },
	{ "socket /a mode 1000\n",
	    "t:1: mode \"1000\": this is out of range (0 to 0777)" },
	{ "socket /a mode 40000000000600\n",
	    "t:1: mode \"40000000000600\": this is out of range (0 to 0777)" },
	{ "socket /a mode \"\"\n",
	    "t:1: mode \"\": this is out of range (0 to 0777)" },
	{ "limits { bridges 0 }\n",
	    "t:1: bridges \"0\": this is out of range (1 to 4096)" },
	{ "limits { bridges 4097 }\n",
	    "t:1: bridges \"4097\": this is out of range (1 to 4096)" },
	{ "limits {\nsessions 500001 }\n",
	    "t:2: sessions \"500001\": this is out of range (1 to 500000)" },
	{ "limits { sessions 18446744073709551617 }\n",
	    "t:1: sessions \"18446744073709551617\": this is out of range "
	    "(1 to 500000)" },
	{ "limits { clients 1025 }\n",
	    "t:1: clients \"1025\": this is out of range (1 to 1024)" },
	{ "limits { events 65537 }\n",
	    "t:1: events \"65537\": this is out of range (1 to 65536)" },
	{ "limits { standby 9 }\n",
	    "t:1: standby \"9\": this is out of range (0 to 8)" },
	{ "limits { pipes 257 }\n",
	    "t:1: pipes \"257\": this is out of range (0 to 256)" },
	{ "limits { clients -1 }\n",
	    "t:1: clients \"-1\": this is not a number" },
	{ "limits { clients 3s }\n",
	    "t:1: clients \"3s\": this is not a number" },
	{ "limits { clients \"\" }\n",
	    "t:1: clients \"\": this is not a number" },
	{ "timeouts { idle 8d }\n",
	    "t:1: idle \"8d\": this is out of range (0 to 604800 seconds)" },
	{ "timeouts { connect never }\n",
	    "t:1: connect \"never\": this is not a time like 90, 90s, 5m, "
	    "2h or 1d" },
	{ "drain 604801\n",
	    "t:1: drain \"604801\": this is out of range (0 to 604800 "
	    "seconds)" },
	/* Engines. */
	{ "engines 0\n", "t:1: engines \"0\": this is out of range (1 to 16)" },
	{ "engines 17\n",
	    "t:1: engines \"17\": this is out of range (1 to 16)" },
	{ "engines many\n",
	    "t:1: engines \"many\": this is neither a number nor auto" },
	{ "engines\n", "t:1: something is missing at the end" },
	{ "engines 1\nengines auto\n",
	    "t:2: \"engines\" is given a second time" },
	{ "limits { engines 1 }\n",
	    "t:1: unknown word \"engines\" in the braces of limits; is a "
	    "\"}\" missing?" },
	{ "spin 10001\n",
	    "t:1: spin \"10001\": this is out of range (0 to 10000)" },
	{ "spin 5s\n", "t:1: spin \"5s\": this is not a number" },
	{ "spin 1\nspin 1\n", "t:2: \"spin\" is given a second time" },
	{ "engines 12\n", "t: \"engines 12\" and \"limits { standby 4 }\" make "
	    "21 processes (1 + engines + 2 * standby), more than 20" },
	{ "limits { standby 8 }\nengines 4\n", "t: \"engines 4\" and \"limits "
	    "{ standby 8 }\" make 21 processes (1 + engines + 2 * standby), "
	    "more than 20" },
}, options[] = {
#define WITH(options) \
	"directory /d\nbridge tcp:*:1 tcp:1.2.3.4:1 {\n" options "\n}\n"
#define LOCAL(options) "bridge unix:@1 unix:@2 { " options " }\n"
#define REFUSED        "t:1: bridge unix:@1 unix:@2: "
	{ WITH("max 500001"),
	    "t:3: max \"500001\": this is out of range (0 to 500000)" },
	{ WITH("idle 1x"), "t:3: idle \"1x\": this is not a time like 90, 90s, "
	    "5m, 2h or 1d" },
	{ WITH("dscp 64"), "t:3: dscp \"64\": this is out of range (0 to 63)" },
	{ WITH("keepalive 32768"), "t:3: keepalive \"32768\": this is out of "
	    "range (0 to 32767 seconds)" },
	{ WITH("rate 4G"), "t:3: rate \"4G\": this is out of range (0 to "
	    "4000000000 bytes)" },
	{ WITH("rate 10k"), "t:3: rate \"10k\": this is not a number of bytes "
	    "like 500, 64K, 10M or 1G" },
	{ WITH("nodelay maybe"),
	    "t:3: nodelay \"maybe\": this is neither yes nor no" },
	{ WITH("backlog 65536"),
	    "t:3: backlog \"65536\": this is out of range (0 to 65535)" },
	{ WITH("mark 4294967296"),
	    "t:3: mark \"4294967296\": this is out of range (0 to "
	    "4294967295)" },
	{ WITH("bind-device eth0/1"), "t:3: bind-device \"eth0/1\": this "
	    "cannot be the name of an interface" },
	{ WITH("source *"),
	    "t:3: source \"*\": this is no IPv4 and no IPv6 address" },
	{ WITH("source ::1"), "t:2: bridge tcp:*:1 tcp:1.2.3.4:1: source and "
	    "dst are of different address families" },
	{ WITH("idle 5\nidle 0"), "t:4: \"idle\" is given a second time" },
	{ WITH("idle 0\nidle 5"), "t:4: \"idle\" is given a second time" },
	{ WITH("max 0 max 5"), "t:3: \"max\" is given a second time" },
	{ WITH("source 1.2.3.5 source 1.2.3.5"),
	    "t:3: \"source\" is given a second time" },
	{ WITH("dst tcp:1.2.3.4"),
	    "t:3: dst \"tcp:1.2.3.4\": the port is missing" },
	{ WITH("dst tcp:1.2.3.5:1\ndst tcp:1.2.3.5:1"),
	    "t:4: dst \"tcp:1.2.3.5:1\": this is given already" },
	{ WITH("dst tcp:1.2.3.4:1"), "t:2: bridge tcp:*:1 tcp:1.2.3.4:1: a "
	    "dst is given twice" },
	{ WITH("dst unixseq:@a"), "t:2: bridge tcp:*:1 tcp:1.2.3.4:1: src and "
	    "dst are of different socket types" },
	{ WITH("dst unix:/d/a dst unix:/e/a"), "t:2: dst \"/e/a\" is not "
	    "directly below one of the directories that \"directory\" names" },
	{ WITH("dst tcp:*:5"),
	    "t:3: dst \"tcp:*:5\": a dst must be one host, not any" },
	{ WITH("dst tcp:1.1.1.1:1 dst tcp:1.1.1.1:2 dst tcp:1.1.1.1:3\n"
	    "dst tcp:1.1.1.1:4 dst tcp:1.1.1.1:5 dst tcp:1.1.1.1:6\n"
	    "dst tcp:1.1.1.1:7 dst tcp:1.1.1.1:8"),
	    "t:5: dst \"tcp:1.1.1.1:8\": a bridge has at most 8 dsts" },
	{ WITH("hold 5"), "t:2: bridge tcp:*:1 tcp:1.2.3.4:1: hold applies "
	    "to a bridge with several dsts" },
	{ WITH("keepalive-count 5"), "t:2: bridge tcp:*:1 tcp:1.2.3.4:1: "
	    "keepalive-count applies to a bridge with keepalive" },
	{ WITH("colour red"),
	    "t:3: unknown word \"colour\" in the braces of a bridge" },
	{ LOCAL("keepalive 9"), REFUSED "keepalive applies to tcp and mptcp" },
	{ LOCAL("nodelay no"),
	    REFUSED "nodelay applies to tcp, mptcp, sctp and seqsctp" },
	{ LOCAL("mark 9"), REFUSED "mark applies to a dst that is IP" },
	{ LOCAL("min 9"), REFUSED "min applies to connectionless bridges" },
	{ LOCAL("join src 239.1.1.1"),
	    REFUSED "join applies to udp and udplite" },
#define UDP(options)   "bridge udp:*:1 udp:1.2.3.4:1 {\n" options "\n}\n"
#define NO_JOIN                                                             \
	"a group is given as src or dst, its address, and interface NAME, " \
	"source HOST"
	{ UDP("backlog 5"), "t:1: bridge udp:*:1 udp:1.2.3.4:1: backlog "
	    "applies to bridges with sessions, which a connectionless one has "
	    "not" },
	{ UDP("min 9 max 8"),
	    "t:1: bridge udp:*:1 udp:1.2.3.4:1: min is more than max" },
	{ UDP("ttl 256"), "t:2: ttl \"256\": this is out of range (0 to 255)" },
	{ UDP("ttl 0 ttl 3"), "t:2: \"ttl\" is given a second time" },
	{ UDP("join sre 239.1.1.1"), "t:2: join \"sre 239.1.1.1\": " NO_JOIN },
	{ UDP("join \"src\" 239.1.1.1"), "t:2: join \"src\": " NO_JOIN },
	{ UDP("join src 10.0.0.1"), "t:2: join \"src 10.0.0.1\": this is not "
	    "the address of a group" },
	{ UDP("join src 239.1.1.1:5"), "t:2: join \"src 239.1.1.1:5\": this is "
	    "no IPv4 and no IPv6 address" },
	{ UDP("join src \"\""), "t:2: join: a word is empty" },
	{ UDP("join src 239.1.1.1 interface \"a b\""),
	    "t:2: join \"src 239.1.1.1 interface a b\": " NO_JOIN },
	{ UDP("join src 239.1.1.1 interface a interface a"),
	    "t:2: join \"src 239.1.1.1 interface a interface a\": " NO_JOIN },
	{ UDP("join dst 232.1.1.1 source 1.2.3.4"), "t:2: join \"dst 232.1.1.1 "
	    "source 1.2.3.4\": only a join of src has a source" },
	{ UDP("join src 239.1.1.1\njoin src 239.1.1.1"),
	    "t:3: join \"src 239.1.1.1\": this is given already" },
	{ UDP("join src 239.1.1.1 reply yes"), "t:1: bridge udp:*:1 "
	    "udp:1.2.3.4:1: a bridge with reply or source client joins no "
	    "groups" },
}, bridges[] = {
	{ "bridge\n", "t:1: something is missing at the end" },
	{ "bridge tcp:*:1\n", "t:1: a bridge needs a src and a dst" },
	{ "bridge tcp:*:1 {\nmax 1\n}\n",
	    "t:1: a bridge needs a src and a dst" },
	{ "bridge { max 1 }\n", "t:1: unexpected \"{\"" },
	{ "bridge a tcp:*:1 tcp:1.2.3.4:1 b\n",
	    "t:1: unexpected \"b\" after the dst of a bridge" },
	{ "bridge \"\" tcp:*:1 tcp:1.2.3.4:1\n",
	    "t:1: the name of a bridge is empty" },
	{ "bridge a2345678901234567890123456789012 tcp:*:1 tcp:1.2.3.4:1\n",
	    "t:1: the name of a bridge is longer than 31 bytes" },
	{ "bridge 77 tcp:*:1 tcp:1.2.3.4:1\n",
	    "t:1: bridge tcp:*:1 tcp:1.2.3.4:1: a name cannot be a number" },
	{ "bridge \"a b\" tcp:*:1 tcp:1.2.3.4:1\n",
	    "t:1: bridge tcp:*:1 tcp:1.2.3.4:1: a name has only letters, "
	    "digits, '-', '_', '.'" },
	{ "bridge tcp:*:1 tcp:example.org:1\n", "t:1: dst "
	    "\"tcp:example.org:1\": the host is not a numeric address" },
	{ "bridge foo:*:1 tcp:1.2.3.4:1\n",
	    "t:1: src \"foo:*:1\": unknown kind of address" },
	{ "bridge tcp:*:0 tcp:1.2.3.4:1\n", "t:1: src \"tcp:*:0\": the port "
	    "is not a number from 1 to 65535" },
	{ "bridge tcp:*:1 \\\n  tcp:[::ffff:1.2.3.4]:1\n",
	    "t:2: dst \"tcp:[::ffff:1.2.3.4]:1\": an IPv4 address inside an "
	    "IPv6 one is not allowed" },
	{ "bridge tcp:*:1 tcp:*:2\n", "t:1: bridge tcp:*:1 tcp:*:2: a dst "
	    "must be one host, not any" },
	{ "bridge udp:*:1 udp:0.0.0.0:2\n", "t:1: bridge udp:*:1 "
	    "udp:0.0.0.0:2: a dst must be one host, not any" },
	{ "bridge tcp:*:1 udp:1.2.3.4:1\n", "t:1: bridge tcp:*:1 "
	    "udp:1.2.3.4:1: src and dst are of different socket types" },
	{ "bridge unix:@a unix:@a\n",
	    "t:1: bridge unix:@a unix:@a: src and dst are the same" },
	{ "bridge tcp:239.1.1.1:1 tcp:1.2.3.4:1\n",
	    "t:1: bridge tcp:239.1.1.1:1 tcp:1.2.3.4:1: only udp and udplite "
	    "carry to and from a multicast group" },
	{ "limits { groups 2 }\nbridge udp:239.1.1.1:1 udp:1.2.3.4:1\n"
	    "bridge udp:1.2.3.5:1 udp:1.2.3.4:1 { join src 239.1.1.2 }\n"
	    "bridge udp:1.2.3.6:1 udp:1.2.3.4:1 { join dst 239.1.1.2 }\n",
	    "t:4: more groups than \"limits { groups 2 }\" allows" },
	/* Several of them. */
	{ "bridge a tcp:*:1 tcp:1.2.3.4:1\n\nbridge a tcp:*:2 tcp:1.2.3.4:1",
	    "t:3: the bridge at t:1 has the same name" },
	{ "bridge tcp:*:1 tcp:1.2.3.4:1\nbridge tcp:*:1 tcp:1.2.3.4:2\n",
	    "t:2: the bridge at t:1 has the same src" },
	{ "bridge unix:@a tcp:1.2.3.4:1\nbridge unix:@a tcp:1.2.3.4:2\n",
	    "t:2: the bridge at t:1 has the same src" },
	{ "bridge udp:*:1 udp:1.2.3.4:1\nbridge udp:*:1 udp:1.2.3.4:2\n"
	    "bridge udp:*:1 \\\n udp:1.2.3.4:1\n",
	    "t:3: the bridge at t:1 has the same src and dst" },
	{ "bridge udp:*:1 udp:1.2.3.4:1\nbridge udp:*:2 udp:1.2.3.4:2\n"
	    "limits { bridges 1 }\n",
	    "t:2: more bridges than \"limits { bridges 1 }\" allows" },
	/* Local paths. */
	{ "bridge unix:/run/a tcp:1.2.3.4:1\n",
	    "t:1: src \"/run/a\" is not directly below one of the "
	    "directories that \"directory\" names" },
	{ "directory /run\nbridge tcp:*:1 unix:/run/b/a\n",
	    "t:2: dst \"/run/b/a\" is not directly below one of the "
	    "directories that \"directory\" names" },
	{ "directory /run\nbridge tcp:*:1 unix:/run/..\n",
	    "t:2: dst \"/run/..\" is not directly below one of the "
	    "directories that \"directory\" names" },
	{ "directory /run\nbridge tcp:*:1 unix:/running\n",
	    "t:2: dst \"/running\" is not directly below one of the "
	    "directories that \"directory\" names" },
	{ "directory /run\nbridge tcp:*:1 unix:/run/\n",
	    "t:2: dst \"/run/\" is not directly below one of the "
	    "directories that \"directory\" names" },
	{ "directory /run\nbridge tcp:*:1 unix:/run//a\n",
	    "t:2: dst \"/run//a\" is not directly below one of the "
	    "directories that \"directory\" names" },
	{ "bridge tcp:*:1 unix:/run/s\ndirectory /run\nsocket /run/s\n",
	    "t:1: the dst of a bridge cannot be mctd's control socket" },
};

static void
assert_errors(const struct wrong *wrong, size_t n)
{
	struct conf *conf = conf_text_tree();
	size_t i;

	for (i = 0; i < n; i++) {
		errno = 0;
		if (conf_text(conf, wrong[i].text) == 0)
			fail_msg("this is taken: %s", wrong[i].text);
		if (strcmp(conf_text_error(), wrong[i].error) != 0)
			fail_msg("%s\ngives:  %s\nand not %s", wrong[i].text,
			    conf_text_error(), wrong[i].error);
		assert_int_equal(errno, EINVAL);
	}
}

static void
words_braces_and_lines(void **state)
{
	(void)state;
	assert_errors(words, LENGTH(words));
}

static void
values_out_of_their_range(void **state)
{
	(void)state;
	assert_errors(values, LENGTH(values));
}

static void
options_without_effect_or_out_of_range(void **state)
{
	(void)state;
	assert_errors(options, LENGTH(options));
}

static void
bridges_that_cannot_be(void **state)
{
	(void)state;
	assert_errors(bridges, LENGTH(bridges));
}

static void
zero_bytes_and_very_long_words(void **state)
{
	static char text[CONF_TEXT_BYTES + 1];
	struct conf *conf = conf_text_tree();

	(void)state;
	assert_int_equal(conf_text_bytes(conf, "#\nuser a\0b\n", 11), -1);
	assert_string_equal(conf_text_error(),
	    "t:2: a zero byte, so this is no text");
	memset(text, 'x', sizeof(text));
	assert_int_equal(conf_text_bytes(conf, text, CONF_TEXT_BYTES), -1);
	assert_int_equal(strncmp(conf_text_error(), "t:1: unknown word \"xxxx",
			     23),
	    0);
	assert_true(strlen(conf_text_error()) < 100);
	memcpy(text, "bridge ", 7);
	assert_int_equal(conf_text_bytes(conf, text, 4000), -1);
	assert_string_equal(conf_text_error(),
	    "t:1: a bridge needs a src and a dst");
	memset(text, '\n', sizeof(text));
	assert_int_equal(conf_text_bytes(conf, text, CONF_TEXT_BYTES), 0);
	assert_int_equal(conf_text_bytes(conf, text, sizeof(text)), -1);
	assert_string_equal(conf_text_error(),
	    "t: \"t\" makes more than 1048576 bytes of text");
	memcpy(text, "user \"\xff\n", 8);
	assert_int_equal(conf_text_bytes(conf, text, 8), -1);
	memcpy(text, "bridge a\xff", 9);
	assert_int_equal(conf_text_bytes(conf, text, 9), -1);
}

/* Every error begins with file and line; every success prints and reads. */
static void
one_mutation(struct conf *conf, struct conf *again, char *text, size_t len)
{
	const char *printed;

	if (conf_text_bytes(conf, text, len) == -1) {
		if (strncmp(conf_text_error(), "t:", 2) != 0)
			fail_msg("%s", conf_text_error());
		return;
	}
	printed = conf_text_printed(conf);
	if (conf_text(again, printed) == -1)
		fail_msg("%s\n%s", conf_text_error(), printed);
	assert_int_equal(conf->nbridges, again->nbridges);
}

static void
no_input_breaks_it(void **state)
{
	static const char pieces[][12] = { "{", "}", "\n", "\"", "$", "=", "#",
		"\\", "\\\n", " ", "a", "1", "bridge ", "limits ", "user ",
		"tcp:*:1 ", "unix:@a ", "max 1 ", "include ", "a=b\n", "$a " };
	struct conf *conf = conf_new(8), *again = conf_new(8);
	const struct wrong *w;
	char text[512];
	const char *piece;
	size_t i, n, len, at;
	int round;

	(void)state;
	assert_non_null(conf);
	assert_non_null(again);
	srandom(19700101);
	for (round = 0; round < 20000; round++) {
		w = round % 2 ? &bridges[(size_t)random() % LENGTH(bridges)] :
				&values[(size_t)random() % LENGTH(values)];
		(void)snprintf(text, sizeof(text), "%s", w->text);
		len = strlen(text);
		for (i = (size_t)random() % 4; i > 0; i--) {
			piece = pieces[(size_t)random() % LENGTH(pieces)];
			n = strlen(piece);
			if (len <= n)
				break;
			at = (size_t)random() % (len - n);
			memcpy(text + at, piece, n);
		}
		if (round % 5 == 0)
			text[(size_t)random() % len] = (char)random();
		one_mutation(conf, again, text, len);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(words_braces_and_lines),
		cmocka_unit_test(values_out_of_their_range),
		cmocka_unit_test(options_without_effect_or_out_of_range),
		cmocka_unit_test(bridges_that_cannot_be),
		cmocka_unit_test(zero_bytes_and_very_long_words),
		cmocka_unit_test(no_input_breaks_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
