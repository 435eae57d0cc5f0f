# Makes the Delta Lake tables below testdata/files/delta with delta-rs: see README.md beside it.
# Requires: deltalake==1.6.6, pyarrow, pyroaring
"""usage: make_delta.py FOLDER [TABLES…]

Deletion vectors and mapped columns, which delta-rs reads but does not write, are written here into the log, as the protocol says.
"""

import datetime
import decimal
import glob
import json
import os
import shutil
import struct
import sys
import uuid
import zlib

import pyarrow as pa
import pyarrow.parquet as pq
from deltalake import DeltaTable, write_deltalake
from pyroaring import BitMap64

D = decimal.Decimal
Z85 = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ.-:+=^!/*?&<>()[]{}@%$#"


def base85(data):
    out = ""
    for at in range(0, len(data), 4):
        number = int.from_bytes(data[at : at + 4], "big")
        out += "".join(Z85[number // 85**power % 85] for power in (4, 3, 2, 1, 0))
    return out


def types(folder):
    utc = datetime.timezone.utc
    schema = pa.schema([
        ("b", pa.bool_()), ("i8", pa.int8()), ("i16", pa.int16()), ("i32", pa.int32()), ("L", pa.int64()),
        ("f", pa.float32()), ("d", pa.float64()), ("Dec", pa.decimal128(9, 2)), ("day", pa.date32()),
        ("ts", pa.timestamp("us", "UTC")), ("ntz", pa.timestamp("us")), ("s", pa.string()), ("bin", pa.binary()),
        ("xs", pa.list_(pa.int32())), ("m", pa.map_(pa.string(), pa.int64())), ("st", pa.struct([("x", pa.int32())])),
    ])
    row = {
        "b": True, "i8": -1, "i16": -2, "i32": -3, "L": 2**40, "f": 1.5, "d": 2.25, "Dec": D("12.34"),
        "day": datetime.date(2031, 3, 1), "ts": datetime.datetime(2031, 3, 1, 1, 2, 3, 4, tzinfo=utc),
        "ntz": datetime.datetime(2031, 3, 1, 1, 2, 3, 4), "s": "é", "bin": b"\x00\xff", "xs": [1, None], "m": [("a", 1)],
        "st": {"x": 1},
    }
    write_deltalake(folder, pa.Table.from_pylist([row, dict.fromkeys(row)], schema=schema))


def partitioned(folder):
    """Partition columns before, between and after the others, of which one has NULL; a checkpoint; later versions."""
    schema = pa.schema([
        ("region", pa.string()), ("id", pa.int64()), ("day", pa.date32()), ("at", pa.timestamp("us", "UTC")),
    ])
    day, at = datetime.date, lambda micros: datetime.datetime(2031, 1, 1, 0, 0, 0, micros, datetime.timezone.utc)

    def write(rows, **kwargs):
        data = pa.Table.from_pylist([dict(zip(schema.names, row)) for row in rows], schema=schema)
        write_deltalake(folder, data, partition_by=["region", "day"], **kwargs)

    write([("north", 1, day(2031, 1, 1), at(1_999)), ("so/uth é%", 2, day(2031, 1, 2), at(5)), (None, 3, None, None)])
    write([("north", 4, day(2031, 1, 1), at(2_000)), ("west", 5, day(2031, 2, 1), at(0))], mode="append")
    DeltaTable(folder).create_checkpoint()
    DeltaTable(folder).delete("id = 5")
    write([("west", 6, day(2031, 2, 2), at(0))], mode="append")
    # The older files are known from the checkpoint only.
    for version in (0, 1):
        os.remove(f"{folder}/_delta_log/{version:020}.json")


def evolved(folder):
    """A column that later files have, and one that is wider there."""
    write_deltalake(folder, pa.table({"id": pa.array([1], pa.int64())}))
    write_deltalake(folder, pa.table({"id": pa.array([2], pa.int64()), "word": ["x"]}), mode="append", schema_mode="merge")
    write_deltalake(folder, pa.table({"id": pa.array([9], pa.int64()), "word": ["y"]}), mode="overwrite")
    write_deltalake(folder, pa.table({"id": pa.array([10], pa.int64()), "word": [None]}, schema=pa.schema([("id", pa.int64()), ("word", pa.string())])), mode="append")


def log(folder, version, *actions):
    os.makedirs(f"{folder}/_delta_log", exist_ok=True)
    with open(f"{folder}/_delta_log/{version:020}.json", "w") as out:
        out.writelines(json.dumps(action, separators=(",", ":")) + "\n" for action in actions)


def schema_of(*fields):
    return json.dumps({"type": "struct", "fields": list(fields)})


def field(name, type, **metadata):
    return {"name": name, "type": type, "nullable": True, "metadata": metadata}


def meta(schema, configuration={}, partitions=[]):
    return {"metaData": {
        "id": "00000000-0000-0000-0000-000000000001", "format": {"provider": "parquet", "options": {}},
        "schemaString": schema, "partitionColumns": partitions, "configuration": configuration, "createdTime": 0,
    }}


def add(folder, name, rows, vector=None, partitions={}):
    action = {
        "path": name, "partitionValues": partitions, "size": os.path.getsize(f"{folder}/{name}"), "modificationTime": 1,
        "dataChange": True, "stats": json.dumps({"numRecords": rows}),
    }
    if vector:
        action["deletionVector"] = vector
    return {"add": action}


def vectors(folder):
    """Deletion vectors in all three places; one replaces another."""
    os.makedirs(f"{folder}/dv")
    for name in ("a", "b", "c", "d"):
        pq.write_table(pa.table({"id": pa.array(range(10), pa.int64()), "f": [name] * 10}), f"{folder}/{name}.parquet", row_group_size=4)

    def bitmap(rows):
        return struct.pack("<I", 1681511377) + BitMap64(rows).serialize()

    def stored(file, rows):
        data = bitmap(rows)
        offset = file.tell()
        file.write(struct.pack(">I", len(data)) + data + struct.pack(">I", zlib.crc32(data)))
        return {"offset": offset, "sizeInBytes": len(data), "cardinality": len(rows)}

    one = uuid.UUID("d2c639aa-8816-431a-aaf6-d3fe2512ff61")
    with open(f"{folder}/dv/deletion_vector_{one}.bin", "wb") as file:
        file.write(b"\x01")
        old = {"storageType": "u", "pathOrInlineDv": "dv" + base85(one.bytes), **stored(file, [0])}
        new = {"storageType": "u", "pathOrInlineDv": "dv" + base85(one.bytes), **stored(file, [0, 3, 4, 9])}
    inline = bitmap(range(2, 8))
    inline_vector = {
        "storageType": "i", "pathOrInlineDv": base85(inline + b"\0" * (-len(inline) % 4)), "sizeInBytes": len(inline), "cardinality": 6,
    }
    everything = bitmap(range(10))
    all_vector = {
        "storageType": "i", "pathOrInlineDv": base85(everything + b"\0" * (-len(everything) % 4)), "sizeInBytes": len(everything), "cardinality": 10,
    }
    protocol = {"protocol": {
        "minReaderVersion": 3, "minWriterVersion": 7, "readerFeatures": ["deletionVectors"],
        "writerFeatures": ["deletionVectors", "inCommitTimestamp"],
    }}
    configuration = {"delta.enableDeletionVectors": "true", "delta.enableInCommitTimestamps": "true"}

    def made(day):
        moment = datetime.datetime(2031, 1, day, tzinfo=datetime.timezone.utc)
        return {"commitInfo": {"inCommitTimestamp": int(moment.timestamp() * 1000), "operation": "WRITE"}}

    log(folder, 0, made(1), protocol, meta(schema_of(field("id", "long"), field("f", "string")), configuration),
        add(folder, "a.parquet", 10), add(folder, "b.parquet", 10, old), add(folder, "c.parquet", 10, inline_vector))
    log(folder, 1, made(2),
        {"remove": {"path": "b.parquet", "dataChange": True, "deletionTimestamp": 1, "deletionVector": old}},
        add(folder, "b.parquet", 10, new), add(folder, "d.parquet", 10, all_vector))


def mapped(folder, mode):
    """Columns renamed, swapped and dropped; a partition column renamed."""
    os.makedirs(folder)

    def file(name, columns):
        schema = pa.schema([pa.field(n, t, True, {"PARQUET:field_id": str(i)}) for i, n, t, _ in columns])
        pq.write_table(pa.table([pa.array(v, t) for _, _, t, v in columns], schema=schema), f"{folder}/{name}")

    inner = pa.struct([pa.field("col-x", pa.int32(), True, {"PARQUET:field_id": "6"})])
    file("a.parquet", [(1, "col-1", pa.int64(), [1, 2]), (2, "col-2", pa.string(), ["x", None]), (3, "col-3", pa.string(), ["gone", "gone"]),
                       (5, "col-5", inner, [{"col-x": 7}, None])])
    file("b.parquet", [(2, "col-2", pa.string(), ["y"]), (1, "col-1", pa.int64(), [3]), (4, "col-4", pa.float64(), [0.5])])

    def column(id, name, physical, type):
        return field(name, type, **{"delta.columnMapping.id": id, "delta.columnMapping.physicalName": physical})

    protocol = {"protocol": {"minReaderVersion": 2, "minWriterVersion": 5}}
    # "col-1" is the shown name of the column that files call "col-2", so that names alone would mislead.
    schema = schema_of(
        column(2, "col-1", "col-2", "string"), column(1, "Number", "col-1", "long"), column(4, "new", "col-4", "double"),
        column(5, "inner", "col-5", {"type": "struct", "fields": [column(6, "renamed", "col-x", "integer")]}),
        column(7, "part", "col-7", "integer"),
    )
    log(folder, 0, protocol, meta(schema, {"delta.columnMapping.mode": mode, "delta.columnMapping.maxColumnId": "7"}, ["part"]),
        add(folder, "a.parquet", 2, partitions={"col-7": "1"}), add(folder, "b.parquet", 1, partitions={"col-7": None}))


def checkpoints(folder, kind):
    """A checkpoint by delta-rs, made one of several parts, or one of version 2 with its files in sidecars, in Parquet or JSON."""
    def write(ids, **kwargs):
        table = pa.table({"id": pa.array(ids, pa.int64()), "part": [f"p{ids[0] % 2}"] * len(ids)})
        write_deltalake(folder, table, partition_by=["part"], **kwargs)

    write([1, 2, 3])
    write([4, 5], mode="append")
    write([6], mode="append")
    DeltaTable(folder).delete("id = 6")
    DeltaTable(folder).create_checkpoint()
    write([7, 8], mode="append")
    DeltaTable(folder).delete("id IN (4, 5)")
    log_folder = f"{folder}/_delta_log"
    single = f"{log_folder}/{3:020}.checkpoint.parquet"
    rows = pq.read_table(single)
    for name in [single, f"{log_folder}/_last_checkpoint"] + [f"{log_folder}/{version:020}.json" for version in range(4)]:
        os.remove(name)
    is_file = [row is not None for row in rows["add"].to_pylist()]
    files, others = rows.filter(pa.array(is_file)), rows.filter(pa.array([not each for each in is_file]))
    if kind == "parts":
        parts = [others, files.slice(0, 1), files.slice(1)]
        for number, part in enumerate(parts, 1):
            pq.write_table(part, f"{log_folder}/{3:020}.checkpoint.{number:010}.{len(parts):010}.parquet")
        # A second one, of which a part is missing.
        pq.write_table(files, f"{log_folder}/{4:020}.checkpoint.{1:010}.{2:010}.parquet")
        return
    os.makedirs(f"{log_folder}/_sidecars")
    sidecars = []
    for number, part in enumerate([files.slice(0, 1), files.slice(1)]):
        name = f"{uuid.UUID(int=number + 1)}.parquet"
        pq.write_table(part.select(["add"]), f"{log_folder}/_sidecars/{name}")
        sidecars.append({"path": name, "sizeInBytes": os.path.getsize(f"{log_folder}/_sidecars/{name}"), "modificationTime": 1, "tags": None})
    meta_data = next(row for row in others["metaData"].to_pylist() if row)
    meta_data["configuration"] = [*dict(meta_data["configuration"] or {}).items(), ("delta.checkpointPolicy", "v2")]
    protocol = {"minReaderVersion": 3, "minWriterVersion": 7, "readerFeatures": ["v2Checkpoint"], "writerFeatures": ["v2Checkpoint"]}
    lines = [{"checkpointMetadata": {"version": 3}}, {"protocol": protocol}, {"metaData": meta_data}, *({"sidecar": each} for each in sidecars)]
    name = f"{log_folder}/{3:020}.checkpoint.{uuid.UUID(int=9)}"
    if kind == "sidecars_json":
        for line in lines:
            if "metaData" in line:
                line["metaData"] = {**meta_data, "configuration": dict(meta_data["configuration"])}
                line["metaData"]["format"] = {"provider": "parquet", "options": {}}
        with open(f"{name}.json", "w") as out:
            out.writelines(json.dumps(line, separators=(",", ":")) + "\n" for line in lines)
        return
    text = pa.string()
    schema = pa.schema([
        ("checkpointMetadata", pa.struct([("version", pa.int64())])),
        ("protocol", pa.struct([("minReaderVersion", pa.int32()), ("minWriterVersion", pa.int32()),
                                ("readerFeatures", pa.list_(text)), ("writerFeatures", pa.list_(text))])),
        ("metaData", others.schema.field("metaData").type),
        ("sidecar", pa.struct([("path", text), ("sizeInBytes", pa.int64()), ("modificationTime", pa.int64()), ("tags", pa.map_(text, text))])),
    ])
    pq.write_table(pa.Table.from_pylist(lines, schema=schema), f"{name}.parquet")


def refused(folder):
    """A table that asks for what no reader knows."""
    log(folder, 0, {"protocol": {"minReaderVersion": 3, "minWriterVersion": 7, "readerFeatures": ["deletionVectors", "timeMachine"], "writerFeatures": ["deletionVectors", "timeMachine"]}},
        meta(schema_of(field("id", "long"))))


def main():
    target = sys.argv[1]
    makers = {
        "types": types, "partitioned": partitioned, "evolved": evolved, "vectors": vectors,
        "mapped_by_name": lambda folder: mapped(folder, "name"), "mapped_by_id": lambda folder: mapped(folder, "id"), "refused": refused,
        **{kind: lambda folder, kind=kind: checkpoints(folder, kind) for kind in ("parts", "sidecars", "sidecars_json")},
    }
    for name, make in makers.items():
        if sys.argv[2:] and name not in sys.argv[2:]:
            continue
        folder = f"{target}/{name}"
        shutil.rmtree(folder, ignore_errors=True)
        make(folder)


main()
