"""Writes Parquet files of many layouts into the folder that is named, and prints
what pyarrow reads from each of them: one JSON array of objects with the file's
name, the text's column, of each row the SHA-256 of the text (null of a null),
and of columns beside it their values as JSON."""

import base64
import datetime
import decimal
import hashlib
import itertools
import json
import os
import random
import struct
import sys

import pyarrow as pa
import pyarrow.parquet as pq

folder = sys.argv[1]
rand = random.Random(1)
files = []


def noise(n):
    """Returns n characters that do not compress well."""
    return base64.b64encode(rand.randbytes(n * 3 // 4 + 3)).decode()[:n]


def text(i):
    return [
        None,
        "",
        "one of a few texts that come again and again",
        f"row {i}: \"ünï\\cödé\"\t漢字 😀\r\n\x00 and more",
        f"row {i} with {noise(40)}",
        "short",
        f"row {i}, and {'so on ' * (i % 40)}",
    ][i * 7919 % 7]


def write(name, table, field="text", columns=(), groups=None, **options):
    """Writes table, in row groups of the sizes in groups where they are given,
    and notes what pyarrow reads."""
    path = os.path.join(folder, f"{len(files)}.parquet")
    options.setdefault("data_page_size", 1500)
    options.setdefault("write_batch_size", 20)
    if groups is None:
        pq.write_table(table, path, **options)
    else:
        with pq.ParquetWriter(path, table.schema, **options) as w:
            start = 0
            for n in groups:
                w.write_table(table.slice(start, n))
                start += n
    with pq.ParquetFile(path) as f:
        read = f.read()
    rows = [None if v is None else hashlib.sha256(v if isinstance(v, bytes) else v.encode()).hexdigest() for v in values(read, field)]
    others = [dict(zip(columns, row)) for row in zip(*(values(read, c) for c in columns))]
    files.append({
        "name": name,
        "path": path,
        "field": field,
        "rows": rows,
        "columns": list(columns) or None,
        "others": [{c: plain(v, read.schema.field(c).type) for c, v in row.items()} for row in others],
        "checked": options.get("write_page_checksum", False),
    })


def values(table, field):
    """Returns the values of a column, of one in structs by names with dots.
    Nanoseconds, which Python's times have no room for, are (seconds, rest)."""
    if field in table.column_names:
        column = table.column(field)
        if pa.types.is_timestamp(column.type) and column.type.unit == "ns":
            return [None if v is None else divmod(v, 10**9) for v in column.cast(pa.int64()).to_pylist()]
        return column.to_pylist()
    name, *rest = field.split(".")
    rows = table.column(name).to_pylist()
    for key in rest:
        rows = [None if row is None else row[key] for row in rows]
    return rows


def plain(v, t):
    """Returns a value as the JSON that is expected of it, in text."""
    if v is None:
        return "null"
    if isinstance(v, tuple):
        seconds, nano = v
        v = datetime.datetime(1970, 1, 1) + datetime.timedelta(seconds=seconds)
        return json.dumps(v.isoformat() + fraction(nano, 9) + ("Z" if t.tz else ""))
    if isinstance(v, datetime.datetime):
        v = v.astimezone(datetime.timezone.utc) if v.tzinfo else v
        return json.dumps(v.strftime("%Y-%m-%dT%H:%M:%S").zfill(19) + fraction(v.microsecond, 6) + ("Z" if t.tz else ""))
    if isinstance(v, datetime.time):
        return json.dumps(v.strftime("%H:%M:%S") + fraction(v.microsecond, 6))
    if isinstance(v, datetime.date):
        return json.dumps(v.isoformat())
    if isinstance(v, bytes):
        return json.dumps(base64.b64encode(v).decode())
    if isinstance(v, decimal.Decimal):
        return f"{v:f}"
    if isinstance(v, float):
        return json.dumps(v) if v - v == 0 else "null"
    return json.dumps(v, ensure_ascii=False)


def fraction(n, digits):
    return f".{n:0{digits}d}".rstrip("0") if n else ""


# All that decides how pages are laid out.
rows = [text(i) for i in range(400)]
numbers = pa.array(range(400))
plain_table = pa.table({"id": numbers, "text": rows, "more": rows})
for dictionary, version, codec, index, group in itertools.product(
    [False, True], ["1.0", "2.0"], ["none", "snappy", "zstd", "gzip", "brotli", "lz4"], [False, True], [400, 90]
):
    write(
        f"dictionary {dictionary}, pages {version}, {codec}, index {index}, groups of {group}",
        plain_table,
        use_dictionary=dictionary,
        data_page_version=version,
        compression=codec,
        write_page_index=index,
        row_group_size=group,
        write_page_checksum=group == 90,
    )

both = list(itertools.product(["1.0", "2.0"], [False, True]))
for version, index in both:
    options = {"data_page_version": version, "write_page_index": index}
    name = f"pages {version}, index {index}: "

    # Nulls, and none.
    full = [s or f"row {i} is not null" for i, s in enumerate(rows)]
    required = pa.schema([pa.field("text", pa.string(), nullable=False)])
    write(name + "required", pa.table({"text": full}, schema=required), **options)
    write(name + "no nulls", pa.table({"text": full}), **options)
    write(name + "all null", pa.table({"text": pa.array([None] * 300, pa.string())}), row_group_size=130, **options)
    write(name + "first null", pa.table({"text": [None] + full}), **options)
    write(name + "last null", pa.table({"text": full + [None]}), **options)
    holes = [None if 100 <= i < 230 else s for i, s in enumerate(full)]
    for dictionary in [False, True]:
        write(name + "pages of nulls", pa.table({"text": holes}), max_rows_per_page=30, use_dictionary=dictionary, **options)
    for codec in ["none", "zstd", "gzip", "brotli", "lz4"]:
        nothing = pa.table({"text": ["a text that is not empty"] + [None] * 120 + [""] * 60 + [None] * 40})
        write(name + f"pages of nothing, {codec}", nothing, compression=codec, max_rows_per_page=20, use_dictionary=False, **options)
    write(name + "a group of nulls", pa.table({"text": holes}), groups=[100, 130, 170], **options)

    # Long texts, and dictionaries that grow too large.
    long = full[:50] + [noise(2_100_000)] + full[:3] + ["😀" * 600_000, None] + full[50:90] + ["x" * 5_000_000]
    for dictionary in [False, True]:
        write(name + f"long texts, dictionary {dictionary}", pa.table({"text": long}), use_dictionary=dictionary, **options)
    mixed = rows[:60] * 4 + [f"{noise(60)} {i}" for i in range(900)] + rows[:60] * 2
    write(name + "dictionary, then plain", pa.table({"text": mixed}), dictionary_pagesize_limit=8000, **options)
    write(name + "dictionary, then plain, groups", pa.table({"text": mixed}), dictionary_pagesize_limit=8000, row_group_size=500, **options)

    # Encodings and types of strings.
    for encoding in ["PLAIN", "DELTA_BYTE_ARRAY", "DELTA_LENGTH_BYTE_ARRAY"]:
        for what, table in {"": plain_table, ", required": pa.table({"text": full}, schema=required)}.items():
            write(name + encoding + what, table, use_dictionary=False, column_encoding={"text": encoding}, row_group_size=250, **options)
    for kind in [
        pa.large_string(),
        pa.string_view(),
        pa.binary(),
        pa.large_binary(),
        pa.dictionary(pa.int32(), pa.string()),
        pa.dictionary(pa.int32(), pa.large_string()),
    ]:
        write(name + str(kind), pa.table({"text": pa.array(rows, kind)}), row_group_size=170, **options)
    write(name + "JSON", pa.table({"text": pa.array(['{"a": 1}', None, "[]"] * 50, pa.json_())}), **options)

    # Other columns around it, structs, and names.
    around = {
        "lists": [[1] * (i % 5) if i % 3 else None for i in range(400)],
        "nested": [{"a": [{"b": [str(i)] * (i % 3)}]} for i in range(400)],
        "nothing": pa.nulls(400),
        "text": rows,
        "map": pa.array([[("k", i)] for i in range(400)], pa.map_(pa.string(), pa.int64())),
        "last": [float(i) for i in range(400)],
    }
    write(name + "among others", pa.table(around), row_group_size=150, **options)
    nested = pa.table({
        "id": numbers,
        "a": [None if i % 11 == 4 else {"n": i, "b": s, "c": {"d": s} if i % 5 else None} for i, s in enumerate(rows)],
    })
    write(name + "in a struct", nested, field="a.b", row_group_size=150, **options)
    write(name + "in structs", nested, field="a.c.d", row_group_size=150, **options)
    write(name + "dots in a name", pa.table({"id": numbers, "a.b": rows, "ä 😀": rows}), field="a.b", **options)
    write(name + "a name that is not ASCII", pa.table({"id": numbers, "a.b": rows, "ä 😀": rows}), field="ä 😀", **options)

    # What else there is.
    for chunking in [True, {"min_chunk_size": 500, "max_chunk_size": 2000, "norm_level": 2}]:
        write(name + "content-defined chunks", plain_table, use_content_defined_chunking=chunking, **options)
    write(name + "as datasets writes", plain_table, use_content_defined_chunking=True, row_group_size=100,
          data_page_size=None, write_batch_size=None, **options)
    write(name + "Bloom filters", plain_table, bloom_filter_options={"text": {"ndv": 400, "fpp": 0.05}}, row_group_size=150, **options)
    write(name + "no statistics", plain_table, write_statistics=False, **options)
    write(name + "long statistics", pa.table({"text": [f"{noise(9000)}{i}" for i in range(40)]}), **options)
    write(name + "no Arrow schema", plain_table, store_schema=False, **options)
    for writer in ["1.0", "2.4", "2.6"]:
        write(name + f"writer {writer}", plain_table, version=writer, **options)
    write(name + "Spark", plain_table, flavor="spark", **options)
    write(name + "a row a group", plain_table.slice(0, 60), row_group_size=1, **options)

    # Row groups without a row.
    for at, groups in {"first": [0, 200, 200], "amid": [200, 0, 0, 200], "last": [200, 200, 0], "only": [0], "none": []}.items():
        write(name + f"empty group: {at}", plain_table, groups=groups, **options)

# Columns beside the text, which come as JSON.
n = 120
D = decimal.Decimal


def cycle(type, *some):
    return pa.array([None if i % 9 == 8 else some[i % len(some)] for i in range(n)], type)


def utc(*at):
    return datetime.datetime(*at, tzinfo=datetime.timezone.utc)


times = [datetime.datetime(2024, 5, 6, 7, 8, 9), datetime.datetime(1969, 12, 31, 23, 59, 59), datetime.datetime(1970, 1, 1)]
zoned = [t.replace(tzinfo=datetime.timezone.utc) for t in times]
micro = [t.replace(microsecond=m) for t, m in zip(times, [1, 999_999, 120_000])]
singles = [struct.unpack("f", struct.pack("f", x))[0] for x in [0.1, -1.5e30, 0.0, float("inf"), float("nan"), 3.25]]
beside = {
    "text": pa.array([f"row {i} is long enough" for i in range(n)]),
    "bool": cycle(pa.bool_(), True, False, False),
    "i8": cycle(pa.int8(), -128, 0, 127),
    "i16": cycle(pa.int16(), -(1 << 15), 5),
    "i32": cycle(pa.int32(), -(1 << 31), 0, (1 << 31) - 1),
    "i64": cycle(pa.int64(), -(1 << 63), 3, (1 << 63) - 1),
    "u8": cycle(pa.uint8(), 0, 255),
    "u16": cycle(pa.uint16(), 0, 65535),
    "u32": cycle(pa.uint32(), 0, (1 << 32) - 1),
    "u64": cycle(pa.uint64(), 0, (1 << 64) - 1),
    "f16": cycle(pa.float16(), 0.5, -65504.0, 6e-8, 0.0, float("inf"), float("nan")),
    "f32": cycle(pa.float32(), *singles),
    "f64": cycle(pa.float64(), 0.1, -1e300, 5e-324, float("-inf"), float("nan"), 1e21, 2.0),
    "date": cycle(pa.date32(), datetime.date(2024, 2, 29), datetime.date(1, 1, 1), datetime.date(9999, 12, 31)),
    "date64": cycle(pa.date64(), datetime.date(2024, 2, 29), datetime.date(1969, 12, 31)),
    "s": cycle(pa.timestamp("s"), *times),
    "ms": cycle(pa.timestamp("ms"), *times),
    "us": cycle(pa.timestamp("us"), *micro, datetime.datetime(1, 1, 1), datetime.datetime(9999, 12, 31, 23, 59, 59, 999_999)),
    "ns": cycle(pa.timestamp("ns"), 1, -1, 1_715_000_000_123_456_789),
    "us utc": cycle(pa.timestamp("us", "UTC"), *zoned),
    "ns zone": cycle(pa.timestamp("ns", "+02:00"), 1, -1, 1_715_000_000_123_456_789),
    "time32": cycle(pa.time32("ms"), datetime.time(23, 59, 59, 999_000), datetime.time(0)),
    "time64": cycle(pa.time64("us"), datetime.time(23, 59, 59, 999_999), datetime.time(12, 30)),
    "d32": cycle(pa.decimal128(9, 2), D("-1234567.89"), D("0.00"), D("0.05")),
    "d64": cycle(pa.decimal128(18, 4), D("-12345678901234.5678"), D("0.0001")),
    "d128": cycle(pa.decimal128(38, 10), D("-1234567890123456789012345678.0123456789"), D("1.0000000000")),
    "d256": cycle(pa.decimal256(60, 0), D("9" * 60), D("-1")),
    "binary": cycle(pa.binary(), b"", b"\x00\xff", "ünï".encode()),
    "fixed": cycle(pa.binary(3), b"abc", b"\x00\xff\x01"),
    "string": cycle(pa.string(), "", "\"ünï\\cödé\"\t<&> 漢字 😀\n"),
    "dictionary": cycle(pa.string(), "a", "b").dictionary_encode(),
    "nothing": pa.nulls(n),
}
table = pa.table(beside)
columns = list(beside)[1:]
for version, index in both:
    options = {"data_page_version": version, "write_page_index": index, "columns": columns, "row_group_size": 50, "write_batch_size": 9, "data_page_size": 60}
    name = f"pages {version}, index {index}: columns, "
    write(name + "dictionary", table, **options)
    write(name + "plain", table, use_dictionary=False, **options)
    # Of 12 bytes pyarrow makes nanoseconds, in which years 1 and 9999 overflow.
    write(name + "int96", table, use_deprecated_int96_timestamps=True, **{**options, "columns": [c for c in columns if c != "us"]})
    write(name + "decimals in integers", table, store_decimal_as_integer=True, **options)
    write(name + "no Arrow schema", table.drop_columns(["dictionary"]), store_schema=False, **{**options, "columns": [c for c in columns if c != "dictionary"]})
    write(name + "writer 1.0", table, version="1.0", coerce_timestamps="us", allow_truncated_timestamps=True, **options)
    split = {c: "BYTE_STREAM_SPLIT" for c in ["f16", "f32", "f64", "i32", "i64", "fixed", "d128"]}
    write(name + "BYTE_STREAM_SPLIT", table, use_dictionary=False, column_encoding=split, **options)
    delta = {c: "DELTA_BINARY_PACKED" for c in ["i8", "i32", "i64", "u64", "date", "us"]}
    write(name + "DELTA_BINARY_PACKED", table, use_dictionary=False, column_encoding={**delta, "string": "DELTA_BYTE_ARRAY", "bool": "RLE"}, **options)

print(json.dumps(files))
