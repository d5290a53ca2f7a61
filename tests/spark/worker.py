"""A process with a local Spark session, in which dbt runs too: ``python worker.py FOLDER [hive]``.

With ``hive`` the folder has a metastore, so that the tables are there for the next process.

Takes a JSON list per line, answers each with a line: ["execute", SQL], ["rows", SQL],
["land", table, schema, rows], ["dbt", arguments].
"""

from __future__ import annotations

import json
import os
import sys
from typing import Any

from dbt.cli.main import dbtRunner
from pyspark.sql import SparkSession


def main() -> None:
    # What dbt and Spark print goes to the error stream: the answers are all that is read.
    answers = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)
    builder = SparkSession.builder.master("local[1]")
    if "hive" in sys.argv:
        builder = builder.enableHiveSupport()
    spark = (
        builder.config("spark.sql.warehouse.dir", f"{sys.argv[1]}/warehouse")
        .config("spark.sql.shuffle.partitions", "1")
        .config("spark.sql.adaptive.enabled", "false")
        .config("spark.ui.enabled", "false")
        # Hundreds of statements over a handful of rows: to compile each would be most of the work.
        .config("spark.sql.codegen.wholeStage", "false")
        .config("spark.sql.codegen.factoryMode", "NO_CODEGEN")
        .config("spark.driver.extraJavaOptions", "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC")
        .getOrCreate()
    )
    spark.sparkContext.setLogLevel("ERROR")
    print(json.dumps("ready"), file=answers)
    for line in sys.stdin:
        print(json.dumps(answer(spark, *json.loads(line))), file=answers)


def answer(spark: SparkSession, verb: str, *given: Any) -> Any:
    if verb == "execute":
        spark.sql(given[0])
    elif verb == "rows":
        return [list(row) for row in spark.sql(given[0]).collect()]
    elif verb == "land":
        table, schema, rows = given
        frame = spark.createDataFrame([tuple(row) for row in rows], schema)
        frame.write.mode("overwrite").saveAsTable(table)
    elif verb == "dbt":
        result = dbtRunner().invoke(given[0])
        if result.exception:
            raise result.exception
    return None


if __name__ == "__main__":
    main()
