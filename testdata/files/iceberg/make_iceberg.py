# Makes the Iceberg tables below testdata/iceberg with PyIceberg: see README.md beside it.
# Requires: pyiceberg[sql-sqlite,pyarrow]==0.12.0, mmh3, fastavro, pyroaring
"""usage: make_iceberg.py FOLDER [TABLES…]

Writes FOLDER/<table> with data and metadata. The tables think that they are at /lake/<table>: the files are written there, so run it
where /lake can be made, and are then copied. Files with deleted rows, which PyIceberg reads but does not write, are written
here, and added to a snapshot with PyIceberg's own writers of manifests.
"""

import datetime
import decimal
import json
import os
import shutil
import struct
import sys
import uuid
import zlib

import fastavro
import pyarrow as pa
import pyarrow.parquet as pq
from pyroaring import BitMap64
from pyiceberg.catalog.sql import SqlCatalog
from pyiceberg.manifest import (
    DataFile,
    DataFileContent,
    FileFormat,
    ManifestContent,
    ManifestEntry,
    ManifestEntryStatus,
    ManifestWriterV2,
    write_manifest_list,
)
from pyiceberg.partitioning import PartitionField, PartitionSpec
from pyiceberg.schema import Schema
from pyiceberg.transforms import (
    BucketTransform,
    DayTransform,
    IdentityTransform,
    MonthTransform,
    TruncateTransform,
)
from pyiceberg.typedef import Record
from pyiceberg.types import (
    BinaryType,
    BooleanType,
    DateType,
    DecimalType,
    DoubleType,
    FixedType,
    FloatType,
    IntegerType,
    ListType,
    LongType,
    MapType,
    NestedField,
    StringType,
    StructType,
    TimestampType,
    TimestamptzType,
    TimeType,
    UUIDType,
)

LAKE = "/lake"
D = decimal.Decimal


class DeleteManifestWriter(ManifestWriterV2):
    def content(self):
        return ManifestContent.DELETES

    @property
    def _meta(self):
        return {**super()._meta, "content": "deletes"}


def types(catalog):
    """Every type, with NULL."""
    schema = Schema(
        NestedField(1, "B", BooleanType()),
        NestedField(2, "I", IntegerType()),
        NestedField(3, "L", LongType()),
        NestedField(4, "F", FloatType()),
        NestedField(5, "D", DoubleType()),
        NestedField(6, "Dec", DecimalType(9, 2)),
        NestedField(7, "Day", DateType()),
        NestedField(8, "T", TimeType()),
        NestedField(9, "Ts", TimestampType()),
        NestedField(10, "Tz", TimestamptzType()),
        NestedField(11, "S", StringType()),
        NestedField(12, "U", UUIDType()),
        NestedField(13, "Fx", FixedType(3)),
        NestedField(14, "Bin", BinaryType()),
        NestedField(15, "Li", ListType(16, IntegerType(), element_required=False)),
        NestedField(17, "M", MapType(18, StringType(), 19, LongType(), value_required=False)),
        NestedField(20, "St", StructType(NestedField(21, "X", IntegerType()), NestedField(22, "Y", StringType()))),
    )
    table = catalog.create_table("lake.types", schema, location=f"{LAKE}/types", properties={"format-version": "2"})
    utc = datetime.timezone.utc
    row = {
        "B": True, "I": -7, "L": 2**40, "F": 1.5, "D": 2.25, "Dec": D("12.34"), "Day": datetime.date(2031, 3, 1),
        "T": datetime.time(12, 34, 56, 789), "Ts": datetime.datetime(2031, 3, 1, 1, 2, 3, 4),
        "Tz": datetime.datetime(2031, 3, 1, 1, 2, 3, 4, tzinfo=utc), "S": "é",
        "U": uuid.UUID("f79c3e09-677c-4bbd-a479-3f349cb785e7").bytes, "Fx": b"abc", "Bin": b"\x00\xff",
        "Li": [1, None, 3], "M": [("a", 1), ("b", None)], "St": {"X": 1, "Y": "y"},
    }
    table.append(pa.Table.from_pylist([row, dict.fromkeys(row)], schema=table.schema().as_arrow()))


def evolved(catalog):
    """Columns renamed, moved, dropped, made anew, added and widened; two snapshots before and one after."""
    schema = Schema(
        NestedField(1, "id", IntegerType()),
        NestedField(2, "price", FloatType()),
        NestedField(3, "amount", DecimalType(5, 2)),
        NestedField(4, "note", StringType()),
        NestedField(5, "place", StructType(NestedField(6, "x", IntegerType()), NestedField(7, "y", IntegerType()))),
    )
    table = catalog.create_table("lake.evolved", schema, location=f"{LAKE}/evolved", properties={"format-version": "1"})

    def append(rows):
        table.refresh()
        table.append(pa.Table.from_pylist(rows, schema=table.schema().as_arrow()))

    append([{"id": 1, "price": 0.5, "amount": D("1.25"), "note": "one", "place": {"x": 1, "y": 10}}])
    append([{"id": 2, "price": 1.5, "amount": D("2.25"), "note": "two", "place": {"x": 2, "y": 20}}])
    with table.update_schema() as update:
        update.update_column("id", LongType())
        update.update_column("price", DoubleType())
        update.update_column("amount", DecimalType(9, 2))
        update.rename_column("place.x", "across")
        update.delete_column("place.y")
        update.delete_column("note")
    with table.update_schema() as update:
        update.rename_column("id", "number")
    with table.update_schema(allow_incompatible_changes=True) as update:
        update.add_column("note", StringType())
        update.add_column(("place", "z"), LongType())
        update.move_first("price")
    append([{
        "price": 1e300, "number": 2**40, "amount": D("1234567.89"), "place": {"across": 3, "z": 30}, "note": "three",
    }])


def partitioned(catalog):
    """Partitioned by four transforms, then by others."""
    schema = Schema(
        NestedField(1, "region", StringType()),
        NestedField(2, "day", DateType()),
        NestedField(3, "id", LongType()),
        NestedField(4, "word", StringType()),
        NestedField(5, "at", TimestampType()),
    )
    spec = PartitionSpec(
        PartitionField(1, 1000, IdentityTransform(), "region"),
        PartitionField(2, 1001, MonthTransform(), "day_month"),
        PartitionField(3, 1002, BucketTransform(4), "id_bucket"),
    )
    table = catalog.create_table(
        "lake.partitioned", schema, location=f"{LAKE}/partitioned", partition_spec=spec,
        properties={"format-version": "2", "write.metadata.metrics.default": "none"},
    )

    def append(rows):
        table.refresh()
        names = ["region", "day", "id", "word", "at"]
        table.append(pa.Table.from_pylist([dict(zip(names, row)) for row in rows], schema=table.schema().as_arrow()))

    day, at = datetime.date, datetime.datetime
    append([
        ("north", day(2031, 1, 5), 1, "alpha", at(2031, 1, 5, 6)),
        ("north", day(2031, 2, 5), 2, "beta", at(2031, 2, 5, 6)),
        ("so/uth é", day(2031, 1, 9), 3, "gamma", at(2031, 1, 9, 6)),
        (None, day(1969, 12, 31), 4, None, None),
        ("north", None, None, "delta", at(1969, 12, 31, 23)),
    ])
    with table.update_spec() as update:
        update.remove_field("region")
        update.remove_field("day_month")
        update.remove_field("id_bucket")
        update.add_field("word", TruncateTransform(2), "word_trunc")
        update.add_field("at", DayTransform(), "at_day")
    append([
        ("south", day(2031, 3, 1), 5, "alps", at(2031, 3, 1, 12)),
        ("south", day(2031, 3, 2), 6, "bet", at(2031, 3, 2, 12)),
    ])


def add_deletes(table, lists):
    """Adds files of deletes to a table, as a snapshot of its own. `lists`: (content, partition, ids, rows, stats)."""
    table.refresh()
    metadata, io = table.metadata, table.io
    current = table.current_snapshot()
    snapshot_id = metadata.current_snapshot_id + 1
    sequence = metadata.last_sequence_number + 1
    entries = []
    for content, partition, ids, rows, kwargs in lists:
        path = f"{table.location()}/data/{uuid.uuid4()}-deletes.parquet"
        with io.new_output(path).create() as out:
            pq.write_table(rows, out)
        file = DataFile.from_args(
            content=content, file_path=path, file_format=FileFormat.PARQUET, partition=partition,
            record_count=rows.num_rows, file_size_in_bytes=len(io.new_input(path)), column_sizes={}, value_counts={},
            null_value_counts={}, nan_value_counts={}, lower_bounds={}, upper_bounds={}, key_metadata=None,
            split_offsets=None, equality_ids=ids, sort_order_id=None, spec_id=metadata.default_spec_id, **kwargs,
        )
        entries.append(file)
    manifest_path = f"{table.location()}/metadata/{uuid.uuid4()}-m0.avro"
    with DeleteManifestWriter(
        metadata.specs()[metadata.default_spec_id], metadata.schema(), io.new_output(manifest_path), snapshot_id, "deflate"
    ) as writer:
        for file in entries:
            writer.add_entry(ManifestEntry.from_args(
                status=ManifestEntryStatus.ADDED, snapshot_id=snapshot_id, sequence_number=None,
                file_sequence_number=None, data_file=file,
            ))
    manifest = writer.to_manifest_file()
    list_path = f"{table.location()}/metadata/snap-{snapshot_id}-0-{uuid.uuid4()}.avro"
    with write_manifest_list(
        format_version=2, output_file=io.new_output(list_path), snapshot_id=snapshot_id,
        parent_snapshot_id=current.snapshot_id, sequence_number=sequence, avro_compression="deflate",
    ) as writer:
        writer.add_manifests([*current.manifests(io), manifest])
    from pyiceberg.table.snapshots import Operation, Snapshot, Summary
    from pyiceberg.table.update import AddSnapshotUpdate, AssertRefSnapshotId, SetSnapshotRefUpdate

    snapshot = Snapshot(
        snapshot_id=snapshot_id, parent_snapshot_id=current.snapshot_id, sequence_number=sequence,
        timestamp_ms=current.timestamp_ms + 1000, manifest_list=list_path, schema_id=metadata.current_schema_id,
        summary=Summary(Operation.DELETE),
    )
    table.catalog.commit_table(
        table, (AssertRefSnapshotId(snapshot_id=current.snapshot_id, ref="main"),),
        (AddSnapshotUpdate(snapshot=snapshot), SetSnapshotRefUpdate(
            ref_name="main", type="branch", snapshot_id=snapshot_id,
            max_ref_age_ms=None, max_snapshot_age_ms=None, min_snapshots_to_keep=None)),
    )


def paths(table):
    table.refresh()
    return sorted((task.file.file_path, task.file.partition) for task in table.scan().plan_files())


def deleted(catalog):
    """Rows gone by place and by value; rows of the same values come back later."""
    schema = Schema(
        NestedField(1, "id", LongType()),
        NestedField(2, "kind", StringType()),
        NestedField(3, "part", StringType()),
    )
    spec = PartitionSpec(PartitionField(3, 1000, IdentityTransform(), "part"))
    table = catalog.create_table(
        "lake.deleted", schema, location=f"{LAKE}/deleted", partition_spec=spec, properties={"format-version": "2"})

    def append(rows):
        table.refresh()
        rows = [dict(zip(["id", "kind", "part"], row)) for row in rows]
        table.append(pa.Table.from_pylist(rows, schema=table.schema().as_arrow()))

    append([(id, "k%d" % (id % 3) if id % 7 else None, "a") for id in range(20)])
    append([(id, "k%d" % (id % 3) if id % 7 else None, "b") for id in range(20)])
    of_a = next(path for path, part in paths(table) if part[0] == "a")
    position = pa.schema([
        pa.field("file_path", pa.string(), False, {"PARQUET:field_id": "2147483546"}),
        pa.field("pos", pa.int64(), False, {"PARQUET:field_id": "2147483545"}),
    ])

    def value(name, id, type):
        return pa.field(name, type, True, {"PARQUET:field_id": str(id)})

    # Rows 0, 1 and 19 of a's file.
    add_deletes(table, [(DataFileContent.POSITION_DELETES, Record("a"), None,
        pa.Table.from_pydict({"file_path": [of_a] * 3, "pos": [0, 1, 19]}, schema=position), {})])
    # id 2 of a alone: b's stays.
    add_deletes(table, [(DataFileContent.EQUALITY_DELETES, Record("a"), [1],
        pa.Table.from_pydict({"id": [2]}, schema=pa.schema([value("id", 1, pa.int64())])), {})])
    # kind NULL of b, and the pair (4, k1) of b.
    add_deletes(table, [
        (DataFileContent.EQUALITY_DELETES, Record("b"), [2],
            pa.Table.from_pydict({"kind": [None]}, schema=pa.schema([value("kind", 2, pa.string())])), {}),
        (DataFileContent.EQUALITY_DELETES, Record("b"), [1, 2],
            pa.Table.from_pydict({"id": [4], "kind": ["k1"]},
                schema=pa.schema([value("id", 1, pa.int64()), value("kind", 2, pa.string())])), {}),
    ])
    # They are back: what came later is not deleted.
    append([(2, "back", "a"), (7, None, "b")])


def vectors(catalog):
    """Deletion vectors of version 3, two in one Puffin file, beside an older list of places. PyIceberg writes version 2: the manifest's
    records get the fields of version 3 here, and the metadata its number."""
    schema = Schema(NestedField(1, "id", LongType()), NestedField(2, "word", StringType()))
    table = catalog.create_table("lake.vectors", schema, location=f"{LAKE}/vectors", properties={"format-version": "2"})

    def append(ids):
        table.refresh()
        rows = pa.table({"id": pa.array(ids, pa.int64()), "word": [f"w{id}" for id in ids]})
        table.append(rows)
        known = set(names)
        names.extend(path for path, _ in paths(table) if path not in known)

    names = []
    append(range(10))
    append(range(10, 20))
    append(range(20, 22))
    position = pa.schema([
        pa.field("file_path", pa.string(), False, {"PARQUET:field_id": "2147483546"}),
        pa.field("pos", pa.int64(), False, {"PARQUET:field_id": "2147483545"}),
    ])
    # A list of places of what was written by version 2; the vector of the same file has its row too, as the format wants.
    add_deletes(table, [(DataFileContent.POSITION_DELETES, Record(), None,
        pa.Table.from_pydict({"file_path": [names[0]], "pos": [3]}, schema=position), {})])

    gone = {names[0]: [0, 3, 9], names[1]: list(range(2, 8))}
    puffin, blobs = b"PFA1", []
    for path, rows in gone.items():
        bitmap = struct.pack("<I", 1681511377) + BitMap64(rows).serialize()
        blob = struct.pack(">I", len(bitmap)) + bitmap + struct.pack(">I", zlib.crc32(bitmap))
        blobs.append({
            "type": "deletion-vector-v1", "fields": [2147483546], "snapshot-id": -1, "sequence-number": -1, "offset": len(puffin),
            "length": len(blob), "properties": {"referenced-data-file": path, "cardinality": str(len(rows))},
        })
        puffin += blob
    footer = json.dumps({"blobs": blobs, "properties": {}}).encode()
    puffin += b"PFA1" + footer + struct.pack("<I", len(footer)) + b"\0\0\0\0" + b"PFA1"
    puffin_path = f"{LAKE}/vectors/data/{uuid.uuid4()}-deletes.puffin"
    with open(puffin_path, "wb") as out:
        out.write(puffin)

    # A list of places for each vector, which then becomes the vector.
    add_deletes(table, [(DataFileContent.POSITION_DELETES, Record(), None,
        pa.Table.from_pydict({"file_path": [path] * len(rows), "pos": rows}, schema=position), {}) for path, rows in gone.items()])
    table.refresh()
    manifest = table.current_snapshot().manifests(table.io)[-1].manifest_path.removeprefix("file://")
    with open(manifest, "rb") as file:
        reader = fastavro.reader(file)
        records, avro_schema, meta = list(reader), reader.writer_schema, dict(reader.metadata)
    data_file = next(field for field in avro_schema["fields"] if field["name"] == "data_file")["type"]
    for id, name, type in ((143, "referenced_data_file", "string"), (144, "content_offset", "long"), (145, "content_size_in_bytes", "long")):
        data_file["fields"].append({"name": name, "type": ["null", type], "default": None, "field-id": id})
    for record, blob in zip(records, blobs):
        file = record["data_file"]
        os.remove(file["file_path"].removeprefix("file://"))
        file.update(
            file_path=f"{LAKE}/vectors/data/{os.path.basename(puffin_path)}", file_format="PUFFIN", file_size_in_bytes=len(puffin),
            record_count=int(blob["properties"]["cardinality"]), referenced_data_file=blob["properties"]["referenced-data-file"],
            content_offset=blob["offset"], content_size_in_bytes=blob["length"],
        )
    meta = {key: value for key, value in meta.items() if not key.startswith("avro.")} | {"format-version": "3"}
    size = os.path.getsize(manifest)
    with open(manifest, "wb") as out:
        fastavro.writer(out, avro_schema, records, codec="null", metadata=meta)
    print("the manifest's length in its list is", size, "and", os.path.getsize(manifest), "in truth")
    metadata = table.metadata_location.removeprefix("file://")
    with open(metadata) as file:
        text = json.load(file)
    text.update({"format-version": 3, "next-row-id": 22})
    with open(metadata, "w") as out:
        json.dump(text, out, separators=(",", ":"))


def dropped_key(catalog):
    """A deleted value is of a column that was dropped since, and deleted in every partition."""
    schema = Schema(NestedField(1, "id", LongType()), NestedField(2, "key", StringType()))
    table = catalog.create_table(
        "lake.dropped_key", schema, location=f"{LAKE}/dropped_key", properties={"format-version": "2"})
    table.append(pa.Table.from_pylist(
        [{"id": id, "key": f"k{id}"} for id in range(4)], schema=table.schema().as_arrow()))
    field = pa.field("key", pa.string(), True, {"PARQUET:field_id": "2"})
    add_deletes(table, [(DataFileContent.EQUALITY_DELETES, Record(), [2],
        pa.Table.from_pydict({"key": ["k1", "k3"]}, schema=pa.schema([field])), {})])
    table.refresh()
    with table.update_schema() as update:
        update.delete_column("key")


def unnumbered(catalog):
    """Files of another program, whose columns have no numbers: the table has a mapping of names."""
    schema = Schema(NestedField(1, "id", LongType()), NestedField(2, "word", StringType()))
    table = catalog.create_table(
        "lake.unnumbered", schema, location=f"{LAKE}/unnumbered", properties={"format-version": "2"})
    path = f"{LAKE}/unnumbered/data/old.parquet"
    os.makedirs(os.path.dirname(path), exist_ok=True)
    pq.write_table(pa.table({"word": ["x", None], "id": pa.array([1, 2], pa.int64())}), path)
    table.add_files([path])
    table.refresh()
    with table.update_schema() as update:
        update.rename_column("word", "text")
    table.refresh()
    table.append(pa.Table.from_pylist([{"id": 3, "text": "y"}], schema=table.schema().as_arrow()))


def empty(catalog):
    """A table that never had a row."""
    catalog.create_table("lake.empty", Schema(NestedField(1, "id", LongType())), location=f"{LAKE}/empty")


def main():
    target = sys.argv[1]
    shutil.rmtree(LAKE, ignore_errors=True)
    os.makedirs(LAKE)
    catalog = SqlCatalog("lake", uri=f"sqlite:///{LAKE}/catalog.db", warehouse=LAKE)
    catalog.create_namespace("lake")
    for make in (types, evolved, partitioned, deleted, vectors, dropped_key, unnumbered, empty):
        if sys.argv[2:] and make.__name__ not in sys.argv[2:]:
            continue
        make(catalog)
        folder = f"{LAKE}/{make.__name__}"
        table = catalog.load_table(f"lake.{make.__name__}")
        # Only the newest metadata: they have the table's whole history. Its name is one that tests can say.
        newest = table.metadata_location.removeprefix("file://")
        for name in os.listdir(f"{folder}/metadata"):
            if name.endswith(".metadata.json") and f"{folder}/metadata/{name}" != newest:
                os.remove(f"{folder}/metadata/{name}")
        os.rename(newest, f"{folder}/metadata/v1.metadata.json")
        shutil.rmtree(f"{target}/{make.__name__}", ignore_errors=True)
        shutil.copytree(folder, f"{target}/{make.__name__}")
    shutil.rmtree(LAKE)


main()
