"""Makes the ORC files beside it: `python make_orc.py FOLDER`, with pyarrow 26."""

import datetime as dt
import decimal
import os
import random
import sys

import pyarrow as pa
import pyarrow.orc as orc

out = sys.argv[1]
os.makedirs(out + "/drift", exist_ok=True)
D = decimal.Decimal
utc = dt.timezone.utc
schema = pa.schema(
    [
        ("Id", pa.int64()),
        ("tiny", pa.int8()),
        ("small", pa.int16()),
        ("plain", pa.int32()),
        ("ok", pa.bool_()),
        ("f", pa.float32()),
        ("d", pa.float64()),
        ("word", pa.string()),
        ("raw", pa.binary()),
        ("price", pa.decimal128(10, 2)),
        ("wide", pa.decimal128(38, 9)),
        ("day", pa.date32()),
        ("seen", pa.timestamp("us")),
        ("moment", pa.timestamp("us", "UTC")),
        ("tags", pa.list_(pa.string())),
        ("sizes", pa.map_(pa.string(), pa.int64())),
        ("inner", pa.struct([("Total", pa.int64()), ("at", pa.timestamp("us"))])),
    ]
)
rows = [
    dict(
        Id=1,
        tiny=-128,
        small=32767,
        plain=-2147483648,
        ok=True,
        f=1.5,
        d=-0.0,
        word="grüße",
        raw=b"\x00\xff",
        price=D("12.34"),
        wide=D("12345678901234567890123456789.123456789"),
        day=dt.date(2031, 2, 3),
        seen=dt.datetime(2031, 2, 3, 4, 5, 6, 789),
        moment=dt.datetime(2031, 2, 3, 4, 5, 6, 7, tzinfo=utc),
        tags=["a", None, "b"],
        sizes=[("k", 1), ("l", None)],
        inner=dict(Total=5, at=dt.datetime(2000, 1, 1, 12)),
    ),
    dict(
        Id=2,
        tiny=None,
        small=-32768,
        plain=2147483647,
        ok=False,
        f=float("nan"),
        d=float("inf"),
        word="",
        raw=b"",
        price=D("-0.01"),
        wide=D("-0.000000001"),
        day=dt.date(1, 1, 1),
        seen=dt.datetime(1969, 12, 31, 23, 59, 59),
        moment=dt.datetime(1900, 1, 1, tzinfo=utc),
        tags=[],
        sizes=[],
        inner=dict(Total=None, at=None),
    ),
    dict(Id=3),
    dict(
        Id=-9223372036854775808,
        tiny=127,
        word="x" * 300,
        price=D("99999999.99"),
        day=dt.date(9999, 12, 31),
        seen=dt.datetime(9999, 12, 31, 23, 59, 59, 999999),
        moment=dt.datetime(1, 1, 1, tzinfo=utc),
        tags=["y"],
        sizes=[("z", 9223372036854775807)],
        inner=dict(Total=-1, at=dt.datetime(1, 1, 1)),
    ),
]
t = pa.Table.from_pylist(rows, schema=schema)
for c in ["uncompressed", "zlib", "snappy", "lz4", "zstd"]:
    orc.write_table(t, f"{out}/rows_{c}.orc", compression=c)
orc.write_table(t.slice(0, 0), f"{out}/empty.orc")
# Several stripes, long runs, repeats and deltas of integers, a dictionary.
n = 8000
many = pa.table(
    {
        "n": pa.array(range(n)),
        "same": pa.array([7] * n),
        "jumps": pa.array([(i * 2654435761) % 1000003 - 500000 for i in range(n)]),
        "word": pa.array([["red", "green", "blue", None][i % 4] for i in range(n)]),
        "text": pa.array([f"row {i*i}" for i in range(n)]),
        "at": pa.array(
            [dt.datetime(1970, 1, 1) + dt.timedelta(microseconds=i * 86399999999) for i in range(n)],
            pa.timestamp("us"),
        ),
        "price": pa.array([D(i - n // 2) / 100 for i in range(n)], pa.decimal128(12, 2)),
    }
)
orc.write_table(many, f"{out}/many.orc", compression="zlib", stripe_size=16384, dictionary_key_size_threshold=0.5)
# Arrow writes the fraction of such a second as a negative number, which the format does not have.
before = pa.array([dt.datetime(1969, 12, 31, 23, 59, 58, 250000)], pa.timestamp("us"))
orc.write_table(pa.table({"at": before}), f"{out}/before_1970.orc")
orc.write_table(pa.table({"id": pa.array([1], pa.int32()), "word": ["x"]}), f"{out}/drift/a.orc")
orc.write_table(pa.table({"ID": pa.array([2], pa.int64()), "r": [2.5]}), f"{out}/drift/b.orc")
with open(f"{out}/many.orc", "rb") as whole, open(f"{out}/cut_short.orc", "wb") as cut:
    cut.write(whole.read()[:40000])
with open(f"{out}/not.orc", "wb") as file:
    file.write(b"ORC this is none at all")
# Stripes of 2048 rows, whose values are far apart, and not in order.
seed = random.Random(7)
blocks = []
for block in range(8):
    base = [3, 0, 5, 1, 7, 2, 6, 4][block] * 1000
    index = range(2048)
    blocks.append(
        pa.table(
            {
                "n": pa.array([base + i % 100 for i in index]),
                "zero": pa.array([0] * 2048),
                "part": pa.array([None if block == 2 else base + i % 10 for i in index], pa.int64()),
                "day": pa.array([dt.date(2020 + base // 1000, 1, 1 + i % 28) for i in index]),
                "word": pa.array([("" if block == 1 else f"w{base:04}-") if i % 3 else None for i in index]),
                "at": pa.array(
                    [dt.datetime(2020 + base // 1000, 6, 1) + dt.timedelta(seconds=i) for i in index],
                    pa.timestamp("us"),
                ),
                "f": pa.array([float("nan") if i == 5 else float(base) for i in index]),
                "price": pa.array([D(base) / 100 for _ in index], pa.decimal128(12, 2)),
                "noise": pa.array([seed.randbytes(20).hex() for _ in index]),
            }
        )
    )
with orc.ORCWriter(f"{out}/stripes.orc", stripe_size=1024, compression="zlib") as writer:
    for block in blocks:
        writer.write(block)
