"""countersign classify: names, a request, an HTTP archive, CloudTrail. COUNTERSIGN_BINARY names the binary."""
import gzip
import json
import os
import pathlib
import subprocess
import tempfile
import unittest

BINARY = os.environ["COUNTERSIGN_BINARY"]


def run(*arguments, stdin=None):
    environment = {name: value for name, value in os.environ.items() if not name.startswith("COUNTERSIGN_")} | {"COLUMNS": "250"}
    done = subprocess.run([BINARY, "classify", *arguments], input=stdin, env=environment, capture_output=True, text=True, timeout=60)
    return done.returncode, done.stdout, done.stderr


def event(source, name, parameters, **more):
    return {"eventTime": "2026-11-21T10:00:00Z", "eventSource": source, "eventName": name, "awsRegion": "eu-central-1",
            "recipientAccountId": "123456789012", "requestParameters": parameters, **more}


CLOUDTRAIL = {"Records": [
    event("ec2.amazonaws.com", "TerminateInstances", {"instancesSet": {"items": [{"instanceId": "i-1"}, {"instanceId": "i-2"}]}}),
    event("rds.amazonaws.com", "DeleteDBInstance", {"dBInstanceIdentifier": "orders", "skipFinalSnapshot": True}),
    event("s3.amazonaws.com", "DeleteBucket", {"bucketName": "orders", "Host": "orders.s3.amazonaws.com"}),
    event("lambda.amazonaws.com", "DeleteFunction20150331", {"functionName": "orders"}, errorCode="AccessDenied"),
    event("monitoring.amazonaws.com", "DescribeAlarms", None),
    event("s3.amazonaws.com", "PutBucketLifecycle", {"bucketName": "orders", "LifecycleConfiguration": {
        "Rule": {"Status": "Enabled", "Expiration": {"Days": 1}}}}),
]}


class Names(unittest.TestCase):
    def test_an_operation(self):
        code, out, _ = run("s3:DeleteBucket", "--output", "json")
        self.assertEqual(code, 0)
        found = {(each["service"], each["action"], each["effect"], each["iam_action"]) for each in json.loads(out)}
        self.assertIn(("s3", "aws:s3:DeleteBucket", "destroy", "s3:DeleteBucket"), found)

    def test_as_policies_write_it_and_by_iam_action(self):
        self.assertEqual(json.loads(run("aws:ec2:DescribeInstances", "--output", "json")[1])[0]["effect"], "read")
        names = [each["operation"] for each in json.loads(run("s3:PutLifecycleConfiguration", "--output", "json")[1])]
        self.assertIn("DeleteBucketLifecycle", names)

    def test_what_is_secret_in_the_answer(self):
        [one] = json.loads(run("sts:AssumeRole", "--output", "json")[1])
        self.assertEqual(one["effect"], "mint")
        self.assertIn("Credentials.SecretAccessKey", one["secrets"])

    def test_an_unknown_name(self):
        code, out, errors = run("s3:TerminateInstances")
        self.assertEqual((code, out), (1, ""))
        self.assertIn("[aws.unknown_operation]", errors)
        self.assertIn("ec2:TerminateInstances", errors)

    def test_usage(self):
        self.assertEqual(run()[0], 2)
        self.assertEqual(run("s3:DeleteBucket", "--request", "x")[0], 2)
        self.assertEqual(run("--request", "/nonexistent")[0], 2)


class Requests(unittest.TestCase):
    SIGNED = ("Authorization: AWS4-HMAC-SHA256 Credential=AKIAEXAMPLE/20261121/eu-central-1/rds/aws4_request, "
              "SignedHeaders=host, Signature=00\r\n")

    def test_a_request(self):
        body = "Action=DeleteDBInstance&Version=2014-10-31&DBInstanceIdentifier=orders&SkipFinalSnapshot=true"
        text = ("POST / HTTP/1.1\r\nHost: localhost:8700\r\n" + self.SIGNED +
                "Content-Type: application/x-www-form-urlencoded\r\n\r\n" + body)
        code, out, _ = run("--request", "-", "--output", "json", stdin=text)
        self.assertEqual(code, 0)
        [one] = json.loads(out)
        self.assertEqual(one["effect"], "destroy")
        self.assertIn("skip_final_snapshot", one["flags"])
        self.assertEqual(one["resources"][0]["arn"], "arn:aws:rds:eu-central-1:*:db:orders")

    def test_without_a_signature_the_host_says_the_service(self):
        code, out, _ = run("--request", "-", "--output", "json", stdin="DELETE /a%20b HTTP/1.1\nHost: orders.s3.eu-west-1.amazonaws.com\n\n")
        [one] = json.loads(out)
        self.assertEqual((code, one["resources"][0]["arn"]), (0, "arn:aws:s3:::orders/a b"))

    def test_what_cannot_be_named(self):
        code, out, _ = run("--request", "-", "--output", "json", stdin="GET /orders?acl&policy HTTP/1.1\nHost: s3.amazonaws.com\n\n")
        self.assertEqual(code, 1)
        self.assertEqual(json.loads(out)[0]["code"], "aws.ambiguous")
        self.assertEqual(run("--request", "-", stdin="hello")[0], 2)


class Logs(unittest.TestCase):
    def file(self, text):
        handle = tempfile.NamedTemporaryFile("w", suffix=".json", delete=False)
        self.addCleanup(pathlib.Path(handle.name).unlink)
        with handle:
            handle.write(text)
        return handle.name

    def test_cloudtrail(self):
        code, out, errors = run("--cloudtrail", self.file(json.dumps(CLOUDTRAIL)), "--output", "json")
        self.assertEqual((code, errors), (0, ""))
        terminate, delete, bucket, function, alarms, lifecycle = json.loads(out)
        self.assertEqual([each["arn"] for each in terminate["resources"]],
                         ["arn:aws:ec2:eu-central-1:123456789012:instance/i-1", "arn:aws:ec2:eu-central-1:123456789012:instance/i-2"])
        self.assertIn("skip_final_snapshot", delete["flags"])
        self.assertEqual(bucket["resources"][0]["arn"], "arn:aws:s3:::orders")
        self.assertEqual((function["operation"], function["outcome"]), ("DeleteFunction", "AccessDenied"))
        self.assertEqual((alarms["action"], alarms["effect"]), ("aws:cloudwatch:DescribeAlarms", "read"))
        self.assertEqual((lifecycle["effect"], lifecycle["flags"]), ("destroy", ["lifecycle_expiry"]))

    def test_cloudtrail_as_it_is_stored(self):
        packed = gzip.compress(json.dumps(CLOUDTRAIL).encode())
        name = self.file("") + ".gz"
        with open(name, "wb") as handle:
            handle.write(packed)
        self.assertIn("6 requests: 1 read, 5 destroy", run("--cloudtrail", name)[1])
        with open(name, "wb") as handle:
            handle.write(packed[:-40])
        self.assertEqual(run("--cloudtrail", name)[0], 2, "half a log is none")

    def test_cloudtrail_as_a_table_with_a_summary(self):
        code, out, _ = run("--cloudtrail", self.file(json.dumps(CLOUDTRAIL)))
        self.assertEqual(code, 0)
        self.assertIn("ec2:TerminateInstances", out)
        self.assertIn("6 requests: 1 read, 5 destroy", out.splitlines()[-1])

    def test_cloudtrail_as_lines_and_what_is_unknown_in_it(self):
        lines = [event("ec2.amazonaws.com", "DescribeInstances", {}), event("nowhere.amazonaws.com", "Explode\x1b[2J", {})]
        code, out, _ = run("--cloudtrail", self.file("\n".join(map(json.dumps, lines))))
        self.assertEqual(code, 1)
        self.assertIn("1 refused", out.splitlines()[-1])
        self.assertNotIn("\x1b[2J", out)

    def test_an_archive(self):
        archive = {"log": {"entries": [
            {"startedDateTime": "2026-11-21T10:00:00Z", "request": {
                "method": "POST", "url": "https://dynamodb.eu-central-1.amazonaws.com/",
                "headers": [{"name": "X-Amz-Target", "value": "DynamoDB_20120810.DeleteTable"},
                            {"name": "Content-Type", "value": "application/x-amz-json-1.0"}],
                "postData": {"text": "{\"TableName\":\"orders\"}"}}},
            {"startedDateTime": "2026-11-21T10:00:01Z", "request": {"method": "GET", "url": "https://example.com/", "headers": []}},
        ]}}
        code, out, _ = run("--har", self.file(json.dumps(archive)), "--output", "json")
        [one] = json.loads(out)
        self.assertEqual((code, one["effect"], one["time"]), (0, "destroy", "2026-11-21T10:00:00Z"))
        self.assertEqual(one["resources"][0]["arn"], "arn:aws:dynamodb:eu-central-1:*:table/orders")

    def test_what_is_no_log(self):
        self.assertEqual(run("--har", self.file("{}"))[0], 2)
        self.assertEqual(run("--cloudtrail", self.file("{]"))[0], 2)


if __name__ == "__main__":
    unittest.main()
