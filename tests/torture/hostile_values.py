"""What people who look for trouble write into a request: numbers, texts, headers, queries, methods, hosts."""

from __future__ import annotations

# Spellings of JSON values that good parsers and careless handlers stumble over.
LITERALS: tuple[bytes, ...] = (
    b"1e400", b"-1e400", b"1e308", b"1e-400", b"NaN", b"Infinity", b"-Infinity", b"-0", b"-0.0", b"0.1", b"-1", b"00",
    b"9" * 4_300, b"9" * 5_000, b"-" + b"9" * 4_299, b"1." + b"0" * 5_000 + b"1", b"9223372036854775808",
    b"2147483648", b"-2147483649", b"4294967296", b"253402300799", b"253402300800.5", b"-62135596801", b"1e16",
    b"1E+2", b'"\\ud800"', b'"\\udfff\\ud800"', b'"\\u0000"', b'"\\x41"', b'"\xff\xfe"', b'"\xed\xa0\x80"', b'"\n"',
    b'"', b"[" * 65 + b"]" * 65, b"[" * 20_000, b'{"a":' * 64 + b"1" + b"}" * 64, b'{"a":1,"a":2,"":3}', b"{}", b"[]",
    b"[null]", b'[""]', b"[[]]", b"null", b"true", b"false", b"True", b"undefined", b"'a'", b"{a:1}", b"[1,]", b"//",
    b'"' + b"a" * 10_000 + b'"', b'"' + b"\\ud83d\\ude00" * 2_000 + b'"', b"[" + b"0," * 5_000 + b"0]",
)  # fmt: skip
# Texts that names, prompts, headers, queries and paths are made of by people who look for trouble.
TEXTS: tuple[str, ...] = (
    "", " ", "\t", "0", "-1", "1e400", "-inf", "nan", "9" * 5_000, "٣", "１", "²", "1_000", "0x10", "+5", "5.", "true",
    "null", "None", "undefined", "\x00", "a\x00b", "a\r\nX-Injected: 1", "\r", "\x7f", "\x85", "\u2028", "\ufeff",
    "\u202e", "\U0001f408", "Ａ", "ß" * 200, "e\u0301" * 100, "../../../../etc/passwd", "..%2f..%2f", "%", "%zz",
    "%00", "%ff%fe", "%ed%a0%80", "{0}", "{}", "%s%n", "${7*7}", "{{7*7}}", "<script>alert(1)</script>",
    "' OR 1=1 --", "*", "*.*", "[", "[!", "fal.*", "a" * 300, "a" * 10_000, "\\", "/", "//", ".", "..", ":", "@", "#",
    "?", "=", "&", ";", ",", '"', '"' * 50, "acct_0", "acct_1", "call_1", "call_0", "9999-12-31T23:59:59Z",
    "0001-01-01", "2026-02-30", "1970-01-01T00:00:00+99:99", "data:", "data:,", "data:image/png;base64,",
    "data:image/png;base64,!!!!", "data:image/png;base64,iVBORw0KGgo=", "data:," + "%41" * 200,
    "http://127.0.0.1:1/x.png", "http://[::1", "http://[::ffff:7f00:1]/", "http://169.254.169.254/",
    "file:///etc/passwd", "http://a@b:99999/", "//x/y", "HTTP://LOCALHOST", "http://localhost/ideogram/x.png",
    "bytes=0-0", "bytes=-0", "bytes=5-2", "bytes=0-,1-", "bytes=99999999999999999999-", "W/\"x\"", "*/*;q=nan",
    "application/json", "application/json; charset=punycode", "multipart/form-data",
    "multipart/form-data; boundary=" + "b" * 300, "multipart/form-data; boundary=\"", "text/plain", "image/png",
    "gzip", "4096x4096", "16x16", "65500x1", "1e3x1e3", "fauxscale:503", "fauxscale:hang", "fauxscale:slow=1e400",
    "fauxscale:drip=nan", "fauxscale:truncate=-1", "fauxscale:reset", "fauxscale:missing=/data/0/url",
    "fauxscale:missing=/~", "fauxscale:length=1e30", "fauxscale:999", "fauxscale:malformed", "fauxscale:wrong-format",
    "fauxscale:swapped", "fauxscale:smaller", "fauxscale:unsafe", "fauxscale:empty", "fauxscale:lose",
)  # fmt: skip
# Headers that the application reads, some of them only under Starlette's hood.
HEADERS = (
    b"accept", b"accept-encoding", b"access-control-request-headers", b"access-control-request-method", b"api-key",
    b"authorization", b"content-encoding", b"content-type", b"cookie", b"expect", b"forwarded", b"host", b"if-match",
    b"if-modified-since", b"if-none-match", b"if-range", b"idempotency-key", b"origin", b"range", b"referer",
    b"sec-fetch-site", b"sec-fetch-mode", b"user-agent", b"x-byok-ideogram", b"x-fal-file-name",
    b"x-fal-object-lifecycle", b"x-fal-object-lifecycle-preference", b"x-fal-queue-priority",
    b"x-fal-request-timeout", b"x-fal-runner-hint", b"x-fauxscale-token", b"x-forwarded-for", b"x-forwarded-host",
    b"x-forwarded-proto", b"x-request-id",
)  # fmt: skip
QUERIES = (
    "dryRun", "schema", "logs", "fal_webhook", "wait", "timeout", "kind", "provider", "operation", "status", "fault",
    "rule", "modality", "limit", "offset", "cursor", "page", "exp", "sig", "signature", "token",
)  # fmt: skip
METHODS = (
    "GET",
    "HEAD",
    "POST",
    "PUT",
    "PATCH",
    "DELETE",
    "OPTIONS",
    "TRACE",
    "CONNECT",
    "PROPFIND",
    "get",
    "X" * 300,
)
HOSTS = (
    "localhost", "127.0.0.1", "[::1]", "localhost:80", "evil.example", "api.ideogram.ai.evil.example",
    "api.ideogram.ai.", "API.IDEOGRAM.AI", "queue.fal.run:443", "127.1", "2130706433", "[::1", "localhost:", ":80",
    "a b", "127.0.0.1:99999", "*",
)  # fmt: skip
