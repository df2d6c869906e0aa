"""S3 and DynamoDB end to end with what Debian and npm have: boto3, the SDK for JavaScript and the AWS CLI, unmodified, behind the
gateway; s3rver and dynalite, behind a door that verifies signatures, as the account. test_aws.py does more services where moto is."""
import base64
import concurrent.futures
import gzip
import hashlib
import os
import re
import time
import unittest
import urllib.parse
import zlib

from aws_peers import Cli
from aws_sdks import AwsError
from aws_sigv4 import Signer, signature, stamp
from aws_world import World
from harness import wait_until

ODD_KEYS = ["a b/c d", "1+1=2", "ünïcödé/日本語/☕", "trailing/", "~!$&'()*,;=:@", "q?x=1#y", "a&b=c"]
UNCLEAR_KEYS = ["a//b", "/leading", "dots/../up", "./here", "%2e%2e%2f", "100%"]


class Aws(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.world = world

    def refused(self, code, sdk, *call, **given):
        """The error of a call that is refused with this code of ours, of which nothing reaches the account and which is not tried again."""
        before = len(self.world.account.seen)
        with self.assertRaises(AwsError) as caught:
            sdk(*call, **given)
        self.assertIn(f"[{code}]", caught.exception.message, caught.exception)
        self.assertEqual(self.world.account.seen[before:], [], "something reached the account")
        self.assertEqual(caught.exception.attempts, 1, "it was tried again")
        return caught.exception

    def held(self, sdk, *call, **given):
        return re.search(r"req_[A-Za-z0-9_-]+", self.refused("approval.pending", sdk, *call, **given).message).group()

    def refused_raw(self, code, method, target, fields, body=b""):
        before = len(self.world.account.seen)
        got, answer = self.world.send(method, target, fields, body)
        self.assertIn(f"[{code}]".encode(), answer)
        self.assertIn(got, (400, 403))
        self.assertEqual(self.world.account.seen[before:], [], "something reached the account")

    def approve(self, request):
        self.world.gateway.cli("approve", request, "--reason", "looked at it", token=self.world.sam, check=0)
        self.world.finished(request)

    def tearDown(self):
        self.assertEqual(self.world.account.refused, [], "the account could not verify what the gateway signed")


class Objects(Aws):
    def test_small_objects(self):
        for sdk in self.world.sdks:
            with self.subTest(sdk=sdk.name):
                for body in (b"", b"hello", os.urandom(70_000)):
                    sdk("s3", "PutObject", Bucket="staging", Key="small", Body=body, ContentType="text/plain", Metadata={"who": sdk.name})
                    back = sdk("s3", "GetObject", Bucket="staging", Key="small")
                    self.assertEqual(back["Body"], body)
                    self.assertEqual(back["ContentType"], "text/plain")
                    self.assertEqual(back["Metadata"], {"who": sdk.name})
                self.held(sdk, "s3", "PutObject", Bucket="orders", Key="small", Body=b"hello " + sdk.name.encode())
                self.assertEqual(sdk("s3", "ListObjectsV2", Bucket="orders", Prefix="small").get("Contents", []), [])

    def test_what_is_compressed_stays_so(self):
        body = gzip.compress(b"compressed by the client " * 100_000)
        for sdk in self.world.sdks:
            with self.subTest(sdk=sdk.name):
                sdk("s3", "PutObject", Bucket="staging", Key="compressed", Body=body, ContentEncoding="gzip")
                self.assertEqual(self.world.account.seen[-1].body, body)
                self.assertEqual(self.world.direct("s3", "HeadObject", Bucket="staging", Key="compressed").get("ContentEncoding"), "gzip")

    def test_a_streamed_upload_with_a_trailer(self):
        body = os.urandom(300_000)
        sdk = self.world.javascript
        sdk("s3", "PutObject", Bucket="staging", Key="streamed", Body=body, stream=True)
        self.assertEqual(self.world.content("staging", "streamed"), body)
        sent = [request for request in self.world.account.seen if request.target.startswith("/staging/streamed") and request.method == "PUT"][-1]
        self.assertEqual(sent.body, body, "the chunks' framing is taken off")
        self.assertEqual(sent.fields["x-amz-content-sha256"], hashlib.sha256(body).hexdigest(), "what was unsigned is signed further on")
        for gone in ("x-amz-trailer", "x-amz-decoded-content-length"):
            self.assertNotIn(gone, sent.fields)
        # Which S3 demands of a request that has x-amz-sdk-checksum-algorithm.
        self.assertEqual(sent.fields["x-amz-checksum-crc32"], base64.b64encode(zlib.crc32(body).to_bytes(4, "big")).decode())
        request = self.held(sdk, "s3", "PutObject", Bucket="orders", Key="streamed", Body=body, stream=True)
        self.approve(request)
        self.assertEqual(self.world.content("orders", "streamed"), body)
        count = len(self.world.account.seen)
        self.assertIn("ETag", sdk("s3", "PutObject", Bucket="orders", Key="streamed", Body=body, stream=True))
        self.assertEqual(len(self.world.account.seen), count, "the retry collects the result")

    def test_a_trailer_that_does_not_fit(self):
        for good in (True, False):
            body = b"x" * 1000
            checksum = zlib.crc32(body if good else body + b"y").to_bytes(4, "big")
            fields = self.world.signer.sign("PUT", "/aws/staging/trailed", payload="STREAMING-UNSIGNED-PAYLOAD-TRAILER",
                                            content_encoding="aws-chunked", x_amz_decoded_content_length="1000", x_amz_trailer="x-amz-checksum-crc32")
            wire = b"3e8\r\n" + body + b"\r\n0\r\nx-amz-checksum-crc32:" + base64.b64encode(checksum) + b"\r\n\r\n"
            if good:
                status, answer = self.world.send("PUT", "/aws/staging/trailed", fields, wire)
                self.assertEqual(status, 200, answer)
            else:
                self.refused_raw("sigv4.checksum", "PUT", "/aws/staging/trailed", fields, wire)

    def test_signed_chunks(self):
        pieces = [os.urandom(8192), os.urandom(8192), b"the end"]
        fields, body = self.world.signer.chunks("/aws/staging/chunked", pieces)
        status, answer = self.world.send("PUT", "/aws/staging/chunked", fields, body)
        self.assertEqual(status, 200, answer)
        self.assertEqual(self.world.content("staging", "chunked"), b"".join(pieces))
        fields, body = self.world.signer.chunks("/aws/staging/chunked", [*pieces, b"!"])
        self.refused_raw("sigv4.chunk_signature", "PUT", "/aws/staging/chunked", fields, body.replace(b"the end", b"the ond"))
        self.refused_raw("sigv4.incomplete", "PUT", "/aws/staging/chunked", fields, body[:body.rindex(b"0;chunk")])
        self.assertEqual(self.world.content("staging", "chunked"), b"".join(pieces))

    def test_parts(self):
        body = os.urandom(20 << 20)
        for sdk in self.world.sdks:
            with self.subTest(sdk=sdk.name):
                sdk("s3", "", do="upload", Bucket="staging", Key="big", Body=body)
                self.assertTrue(self.world.content("staging", "big") == body, "20 MiB in parts arrived as they were")
                some = sdk("s3", "GetObject", Bucket="staging", Key="big", Range="bytes=10485755-10485764")
                self.assertEqual(some["Body"], body[10485755:10485765])
                self.assertEqual(some["ContentRange"], f"bytes 10485755-10485764/{20 << 20}")
        self.assertNotIn("Contents", self.world.direct("s3", "ListObjectsV2", Bucket="orders", Prefix="big"))

    def test_an_upload_in_parts_asks_once(self):
        """Nobody sees a part before the upload is completed, which names each by its digest: that is what people are asked for."""
        pieces = [os.urandom(6 << 20), b"the end"]
        for sdk in self.world.sdks:
            with self.subTest(sdk=sdk.name):
                where = {"Bucket": "orders", "Key": "parts-" + sdk.name}
                upload = {**where, "UploadId": sdk("s3", "CreateMultipartUpload", **where)["UploadId"]}
                parts = [{"PartNumber": number, "ETag": sdk("s3", "UploadPart", PartNumber=number, Body=piece, **upload)["ETag"]}
                         for number, piece in enumerate(pieces, 1)]
                request = self.held(sdk, "s3", "CompleteMultipartUpload", MultipartUpload={"Parts": parts}, **upload)
                self.assertNotIn("Contents", self.world.direct("s3", "ListObjectsV2", Bucket="orders", Prefix=where["Key"]))
                self.approve(request)
                self.assertEqual(self.world.content(*where.values()), b"".join(pieces))
                count = len(self.world.account.seen)
                self.assertIn("ETag", sdk("s3", "CompleteMultipartUpload", MultipartUpload={"Parts": parts}, **upload))
                self.assertEqual(len(self.world.account.seen), count, "the retry collects the result")
                # What the one who approves the last step would not see is asked for at the first.
                self.held(sdk, "s3", "CreateMultipartUpload", WebsiteRedirectLocation="https://elsewhere.example", **where)

    def test_a_bucket_before_the_host_name(self):
        """Judged and forwarded as the path that says the same: a Host cannot make an object of orders look like one of staging."""
        for before, bucket in (("staging.aws.proxy.example:8700", "staging"), ("staging.s3.eu-central-1.amazonaws.com", "staging"),
                               ("orders.aws.proxy.example:8700", "orders")):
            signer = Signer(self.world.keys, before)
            fields = signer.sign("PUT", "/aws/orders/virtual", b"x")
            count = len(self.world.account.seen)
            status, answer = self.world.send("PUT", "/aws/orders/virtual", fields, b"x")
            targets = [seen.target for seen in self.world.account.seen[count:]]
            if bucket == "orders":
                self.assertIn(b"[approval.pending]", answer)
                self.assertEqual(targets, [])
            else:
                self.assertEqual((status, targets), (200, ["/staging/orders/virtual"]), answer)

    def test_odd_keys(self):
        for sdk in self.world.sdks:
            for number, key in enumerate(ODD_KEYS):
                with self.subTest(sdk=sdk.name, key=key):
                    body = f"{sdk.name} {number}".encode()
                    before = len(self.world.account.seen)
                    try:
                        sdk("s3", "PutObject", Bucket="staging", Key=key, Body=body)
                    except AwsError as error:
                        self.assertNotIn("[", error.message, "refused by the gateway")  # s3rver's file system has odd keys of its own
                    sent = self.world.account.seen[before:]
                    self.assertEqual([seen.body for seen in sent], [body])
                    # Byte for byte the key that was meant: nothing on the way normalised it.
                    self.assertEqual(urllib.parse.unquote(sent[0].target.partition("?")[0]), "/staging/" + key)
            # A key must not lead out of the bucket whose labels it has.
            for key in ("../orders/prices", "a/../../orders/prices", "tab\there"):
                self.refused("aws.malformed", sdk, "s3", "PutObject", Bucket="staging", Key=key, Body=b"x")

    def test_what_a_key_names(self):
        """Of each its own resource; one that some reader could take for another has the strictest labels of all that match its upstream."""
        keys = [("orders", key) for key in ODD_KEYS] + [("staging", key) for key in UNCLEAR_KEYS]
        before = len(self.world.account.seen)

        def put(where):
            target = f"/aws/{where[0]}/" + urllib.parse.quote(where[1], safe="-_.~/")
            status, answer = self.world.send("PUT", target, self.world.signer.sign("PUT", target, b"x"), b"x")
            held = re.search(rb"\[approval.pending\] held for approval as (req_[a-z0-9]+)", answer)
            self.assertTrue(held, (where, answer))
            return where, self.world.gateway.json("request", "show", held[1].decode(), token=self.world.sam)["resources"]

        with concurrent.futures.ThreadPoolExecutor(8) as pool:
            for (bucket, key), resources in pool.map(put, keys):
                self.assertEqual(resources, [f"AwsResource::aws/arn:aws:s3:::{bucket}/{key}"])
        self.assertEqual(self.world.account.seen[before:], [])

    def test_what_head_says(self):
        self.world.direct("s3", "PutObject", Bucket="orders", Key="measured", Body=b"12345")
        for sdk in self.world.sdks:
            with self.subTest(sdk=sdk.name):
                head = sdk("s3", "HeadObject", Bucket="orders", Key="measured")
                self.assertEqual(head["ContentLength"], 5)
                with self.assertRaises(AwsError) as caught:
                    sdk("s3", "HeadObject", Bucket="orders", Key="absent")
                self.assertEqual(caught.exception.status, 404)
                sdk("s3", "HeadBucket", Bucket="orders")

    def test_deleting_is_refused_by_every_route(self):
        for key in ("a", "b"):
            self.world.direct("s3", "PutObject", Bucket="orders", Key="kept/" + key, Body=b"x")
        body = b"<Delete><Object><Key>kept/a</Key></Object></Delete>"
        rules = {"Rules": [{"ID": "x", "Status": "Enabled", "Filter": {"Prefix": ""}, "Expiration": {"Days": 1}}]}
        for sdk in self.world.sdks:
            with self.subTest(sdk=sdk.name):
                self.refused("policy.floor", sdk, "s3", "DeleteObject", Bucket="orders", Key="kept/a")
                self.refused("policy.floor", sdk, "s3", "DeleteObjects", Bucket="orders", Delete={"Objects": [{"Key": "kept/a"}, {"Key": "kept/b"}]})
                self.refused("policy.floor", sdk, "s3", "DeleteBucket", Bucket="orders")
                self.refused("policy.floor", sdk, "s3", "PutBucketLifecycleConfiguration", Bucket="orders", LifecycleConfiguration=rules)
                self.refused("policy.floor", sdk, "s3", "PutBucketVersioning", Bucket="orders", VersioningConfiguration={"Status": "Suspended"})
                link = sdk("s3", "DeleteObject", do="presign", Bucket="orders", Key="kept/a")
                self.refused_raw("policy.floor", "DELETE", link.partition(self.world.host)[2], {})
        # POST with the operation in the query; another spelling of it; twice.
        for target, code in (("?delete", "policy.floor"), ("?delete=", "policy.floor"), ("?delete&acl", "aws.unknown_operation"),
                             ("?Delete", "aws.unknown_operation"), ("?delete&delete", "aws.contradictory")):
            with self.subTest(target=target):
                    fields = self.world.signer.sign("POST", "/aws/orders" + target, body)
                    self.refused_raw(code, "POST", "/aws/orders" + target, fields, body)
        fields = self.world.signer.sign("POST", "/aws/orders/kept/a", b"", x_http_method_override="DELETE")
        self.refused_raw("http.method_override", "POST", "/aws/orders/kept/a", fields)
        self.assertEqual(len(self.world.direct("s3", "ListObjectsV2", Bucket="orders", Prefix="kept/")["Contents"]), 2)

    def test_wiping_staging_passes(self):
        for sdk in self.world.sdks:
            with self.subTest(sdk=sdk.name):
                for key in ("a", "b", "c"):
                    sdk("s3", "PutObject", Bucket="staging-wiped", Key=key, Body=b"x")
                sdk("s3", "DeleteObject", Bucket="staging-wiped", Key="a")
                sdk("s3", "DeleteObjects", Bucket="staging-wiped", Delete={"Objects": [{"Key": "b"}, {"Key": "c"}]})
                self.assertNotIn("Contents", self.world.direct("s3", "ListObjectsV2", Bucket="staging-wiped"))

    def test_a_sandbox_is_an_upstream_of_its_own(self):
        for sdk in self.world.sdks:
            with self.subTest(sdk=sdk.name):
                url = self.world.url.replace("/aws", "/sandbox")
                sdk("s3", "CreateBucket", Bucket="scratch", endpoint=url)
                sdk("s3", "PutObject", Bucket="scratch", Key="k", Body=b"x", endpoint=url)
                self.refused("policy.floor", sdk, "s3", "DeleteObject", Bucket="scratch", Key="k")
                sdk("s3", "DeleteObject", Bucket="scratch", Key="k", endpoint=url)
                sdk("s3", "DeleteBucket", Bucket="scratch", endpoint=url)

    def test_conditions_reach_the_account(self):
        for sdk in self.world.sdks:
            with self.subTest(sdk=sdk.name):
                made = sdk("s3", "PutObject", Bucket="staging", Key="conditional", Body=b"1")["ETag"]
                with self.assertRaises(AwsError) as caught:
                    sdk("s3", "GetObject", Bucket="staging", Key="conditional", IfNoneMatch=made)
                self.assertEqual(caught.exception.status, 304)
                self.world.javascript("s3", "PutObject", Bucket="staging", Key="conditional-" + sdk.name, Body=b"1", IfNoneMatch="*")
                self.assertEqual(self.world.account.seen[-1].fields["if-none-match"], "*")

    def test_copies_read_their_source(self):
        self.world.direct("s3", "PutObject", Bucket="orders", Key="source", Body=b"from production")
        for sdk in self.world.sdks:
            with self.subTest(sdk=sdk.name):
                sdk("s3", "CopyObject", Bucket="staging", Key="copy", CopySource="orders/source")
                self.assertEqual(self.world.content("staging", "copy"), b"from production")
                self.held(sdk, "s3", "CopyObject", Bucket="orders", Key="copy-" + sdk.name, CopySource="staging/copy")

    def test_opening_an_object_to_the_world_is_seen(self):
        for sdk in self.world.sdks:
            with self.subTest(sdk=sdk.name):
                self.refused("policy.floor", sdk, "s3", "PutObject", Bucket="orders", Key="public", Body=b"x", ACL="public-read")
                self.held(sdk, "s3", "PutObject", Bucket="staging", Key="public", Body=b"x" + sdk.name.encode(), ACL="public-read")


class Links(Aws):
    def link(self, sdk, operation, **given):
        return sdk("s3", operation, do="presign", **given).partition(self.world.host)[2]

    def test_presigned(self):
        self.world.direct("s3", "PutObject", Bucket="orders", Key="linked", Body=b"hello")
        for sdk in self.world.sdks:
            with self.subTest(sdk=sdk.name):
                get = self.link(sdk, "GetObject", Bucket="orders", Key="linked")
                self.assertEqual(self.world.send("GET", get, {}), (200, b"hello"))
                put = self.link(sdk, "PutObject", Bucket="staging", Key="linked")
                self.assertEqual(self.world.send("PUT", put, {}, b"by link")[0], 200)
                self.assertEqual(self.world.content("staging", "linked"), b"by link")
                self.assertNotIn("X-Amz-", self.world.account.seen[-2].target, "no parameter of the link's signature goes on")
                self.refused_raw("approval.pending", "PUT", self.link(sdk, "PutObject", Bucket="orders", Key="by-link-" + sdk.name), {}, b"by link")
                for changed in (get.replace("linked", "linkee"), get.replace("X-Amz-Expires=60", "X-Amz-Expires=61"), get + "&versionId=1"):
                    self.refused_raw("sigv4.bad_signature", "GET", changed, {})
                self.refused_raw("sigv4.bad_signature", "DELETE", get, {})

    def test_an_access_list_in_the_query(self):
        """S3 takes parameters of a link for header fields: what they say must be seen."""
        for name, bucket, code in (("x-amz-acl", "orders", "policy.floor"), ("x-amz-acl", "staging", "approval.pending"),
                                   ("X-Amz-Acl", "staging", "aws.unknown_operation"), ("acl", "staging", "aws.malformed")):
            with self.subTest(name=name, bucket=bucket):
                self.refused_raw(code, "PUT", self.presigned("PUT", f"/aws/{bucket}/opened", {name: "public-read"}), {}, b"x")
        grant = 'uri="http://acs.amazonaws.com/groups/global/AllUsers"'
        target = self.presigned("PUT", "/aws/staging/opened", {"x-amz-grant-read": grant})
        self.refused_raw("approval.pending", "PUT", target, {}, b"x")
        target = self.presigned("PUT", "/aws/orders/opened", {"x-amz-copy-source": "/staging/linked"})
        self.refused_raw("approval.pending", "PUT", target, {}, b"")

    def presigned(self, method, path, more):
        """A link of an agent that adds parameters of its own before it signs."""
        signer, date = self.world.signer, stamp()
        scope = f"{date[:8]}/eu-central-1/s3/aws4_request"
        query = {"X-Amz-Algorithm": "AWS4-HMAC-SHA256", "X-Amz-Credential": f"{signer.id}/{scope}", "X-Amz-Date": date, "X-Amz-Expires": "60",
                 "X-Amz-Security-Token": signer.token, "X-Amz-SignedHeaders": "host", **more}
        target = path + "?" + urllib.parse.urlencode(query, quote_via=urllib.parse.quote, safe="-_.~")
        made = signature(signer.secret, scope, date, method, target, {"host": self.world.host}, "UNSIGNED-PAYLOAD")
        return f"{target}&X-Amz-Signature={made}"


class Held(Aws):
    def test_the_stored_body_runs_once(self):
        for sdk in self.world.sdks:
            with self.subTest(sdk=sdk.name):
                put = {"Bucket": "orders", "Key": "prices-" + sdk.name, "Body": b'{"espresso": 3}'}
                request = self.held(sdk, "s3", "PutObject", **put)
                self.assertEqual(self.held(sdk, "s3", "PutObject", **put), request, "the identical request is the same one")
                other = self.held(sdk, "s3", "PutObject", **{**put, "Body": b'{"espresso": 4}'})
                self.assertNotEqual(other, request, "other bytes are another one")
                preview = self.world.gateway.json("request", "show", request, token=self.world.sam)["preview"]
                self.assertIn("espresso", str(preview["parts"][-1]), "the approver reads what would be written")
                before = len(self.world.account.seen)
                self.approve(request)
                self.assertEqual([seen.body for seen in self.world.account.seen[before:]], [put["Body"]])
                self.assertEqual(self.world.content("orders", put["Key"]), put["Body"])
                count = len(self.world.account.seen)
                self.assertIn("ETag", sdk("s3", "PutObject", **put), "the retry collects the result")
                self.assertEqual(len(self.world.account.seen), count, "and runs nothing")
                self.world.gateway.cli("deny", other, "--reason", "too dear", token=self.world.sam, check=0)
                self.assertIn("too dear", self.refused("approval.denied", sdk, "s3", "PutObject", **{**put, "Body": b'{"espresso": 4}'}).message)

    def test_what_the_account_refuses_comes_back(self):
        sdk = self.world.boto
        put = {"TableName": "orders", "Item": {"k": {"S": "1"}}, "ConditionExpression": "attribute_exists(absent)"}
        self.approve(self.held(sdk, "dynamodb", "PutItem", **put))
        with self.assertRaises(AwsError) as caught:
            sdk("dynamodb", "PutItem", **put)
        self.assertEqual(caught.exception.code, "ConditionalCheckFailedException")


class Roles(Aws):
    def test_a_role_is_a_narrower_token(self):
        """Answered by the gateway: the account is not asked, and what it gives ends with the token it came from."""
        sdk, before = self.world.boto, len(self.world.account.seen)
        delegable, _ = self.world.gateway.agent_token(upstreams="aws")
        role = {"RoleArn": "arn:aws:iam::111122223333:role/deploy", "RoleSessionName": "deploy"}
        given = sdk("sts", "AssumeRole", keys=self.world.keys_of(delegable), **role)["Credentials"]
        self.assertEqual(self.world.account.seen[before:], [])
        keys = {"AWS_ACCESS_KEY_ID": given["AccessKeyId"], "AWS_SECRET_ACCESS_KEY": given["SecretAccessKey"],
                "AWS_SESSION_TOKEN": given["SessionToken"]}
        self.assertTrue(given["AccessKeyId"].startswith("CSK"), "keys that AWS does not take")
        sdk("s3", "PutObject", Bucket="staging", Key="by-role", Body=b"x", keys=keys)
        self.refused("policy.floor", sdk, "s3", "DeleteObject", Bucket="orders", Key="prices", keys=keys)
        self.refused("aws.role_of_another_account", sdk, "sts", "AssumeRole", keys=keys,
                     **{**role, "RoleArn": "arn:aws:iam::999988887777:role/deploy"})
        token = self.world.gateway.json("token", "inspect", delegable)["id"]
        self.world.gateway.cli("token", "revoke", token, "--reason", "over", check=0)
        self.refused("token.revoked", sdk, "s3", "ListBuckets", keys=keys)


class Tables(Aws):
    def test_items(self):
        for sdk in self.world.sdks:
            with self.subTest(sdk=sdk.name):
                item = {"k": {"S": sdk.name}, "price": {"N": "3"}}
                sdk("dynamodb", "PutItem", TableName="staging", Item=item)
                self.assertEqual(sdk("dynamodb", "GetItem", TableName="staging", Key={"k": item["k"]})["Item"], item)
                self.assertEqual(sdk("dynamodb", "Scan", TableName="orders").get("Count"), self.world.direct("dynamodb", "Scan", TableName="orders")["Count"])
                sdk("dynamodb", "DeleteItem", TableName="staging", Key={"k": item["k"]})
                self.assertNotIn("Item", self.world.direct("dynamodb", "GetItem", TableName="staging", Key={"k": item["k"]}))
                self.held(sdk, "dynamodb", "PutItem", TableName="orders", Item=item)
                self.refused("policy.floor", sdk, "dynamodb", "DeleteItem", TableName="orders", Key={"k": item["k"]})
                self.refused("policy.floor", sdk, "dynamodb", "DeleteTable", TableName="orders")

    def test_batches(self):
        put, delete = {"PutRequest": {"Item": {"k": {"S": "b"}}}}, {"DeleteRequest": {"Key": {"k": {"S": "b"}}}}
        for sdk in self.world.sdks:
            with self.subTest(sdk=sdk.name):
                sdk("dynamodb", "BatchWriteItem", RequestItems={"staging": [put]})
                sdk("dynamodb", "BatchWriteItem", RequestItems={"staging": [delete]})
                got = sdk("dynamodb", "BatchGetItem", RequestItems={"orders": {"Keys": [{"k": {"S": "b"}}]}})
                self.assertEqual(got["Responses"]["orders"], [])
                self.held(sdk, "dynamodb", "BatchWriteItem", RequestItems={"orders": [put]})
                self.refused("policy.floor", sdk, "dynamodb", "BatchWriteItem", RequestItems={"orders": [delete]})
                self.refused("policy.floor", sdk, "dynamodb", "BatchWriteItem", RequestItems={"staging": [put], "orders": [delete]})
                # Only the part of production makes it held.
                self.held(sdk, "dynamodb", "BatchWriteItem", RequestItems={"staging": [delete], "orders": [put]})

    def test_transactions(self):
        key = {"k": {"S": "t"}}
        for sdk in self.world.sdks:
            with self.subTest(sdk=sdk.name):
                self.held(sdk, "dynamodb", "TransactWriteItems", TransactItems=[{"Put": {"TableName": "orders", "Item": key}}])
                self.refused("policy.floor", sdk, "dynamodb", "TransactWriteItems",
                             TransactItems=[{"Put": {"TableName": "staging", "Item": key}}, {"Delete": {"TableName": "orders", "Key": key}}])
                self.reaches(sdk, "TransactWriteItems", TransactItems=[{"Delete": {"TableName": "staging", "Key": key}}])

    def test_statements(self):
        for sdk in self.world.sdks:
            with self.subTest(sdk=sdk.name):
                self.refused("policy.floor", sdk, "dynamodb", "ExecuteStatement", Statement="DELETE FROM \"orders\" WHERE k='1'")
                self.refused("policy.floor", sdk, "dynamodb", "BatchExecuteStatement",
                             Statements=[{"Statement": "SELECT * FROM staging WHERE k='1'"}, {"Statement": "delete from orders where k='1'"}])
                self.refused("policy.floor", sdk, "dynamodb", "ExecuteTransaction", TransactStatements=[{"Statement": "DELETE FROM orders WHERE k='1'"}])
                self.refused("policy.floor", sdk, "dynamodb", "ExecuteStatement", Statement="SELECT 1 -- FROM staging\n; DELETE FROM orders")
                self.held(sdk, "dynamodb", "ExecuteStatement", Statement="INSERT INTO \"orders\" VALUE {'k': '1'}")
                self.reaches(sdk, "ExecuteStatement", Statement="SELECT * FROM \"orders\" WHERE k='1'")
                self.reaches(sdk, "ExecuteStatement", Statement="DELETE FROM \"staging\" WHERE k='1'")

    def reaches(self, sdk, operation, **given):
        """It gets to the account, which may not know it."""
        before = len(self.world.account.seen)
        try:
            sdk("dynamodb", operation, **given)
        except AwsError as error:
            self.assertNotIn("[", error.message)
        self.assertGreater(len(self.world.account.seen), before)

    def test_the_target_says_what_the_signature_covers(self):
        body = b'{"TableName":"orders"}'
        fields = self.world.signer.sign("POST", "/aws/", body, service="dynamodb", x_amz_target="DynamoDB_20120810.DescribeTable",
                                        content_type="application/x-amz-json-1.0")
        status, answer = self.world.send("POST", "/aws/", fields, body)
        self.assertEqual(status, 200, answer)
        self.refused_raw("sigv4.bad_signature", "POST", "/aws/", {**fields, "x-amz-target": "DynamoDB_20120810.DeleteTable"}, body)
        self.refused_raw("sigv4.payload_mismatch", "POST", "/aws/", fields, b'{"TableName":"secret"}')
        for body in (b'{"TableName":"staging","TableName":"orders"}', b'{"TableName":"orders"'):
            fields = self.world.signer.sign("POST", "/aws/", body, service="dynamodb", x_amz_target="DynamoDB_20120810.DeleteTable",
                                            content_type="application/x-amz-json-1.0")
            self.refused_raw("aws.malformed", "POST", "/aws/", fields, body)


class Signatures(Aws):
    def test_a_signature_is_good_for_one_change(self):
        target, body = "/aws/staging/replayed", b"once"
        at = time.time()
        fields = self.world.signer.sign("PUT", target, body, at=at, amz_sdk_invocation_id="8f6b0d0e-0001")
        before = len(self.world.account.seen)
        self.assertEqual(self.world.send("PUT", target, fields, body)[0], 200)
        self.assertEqual(len(self.world.account.seen), before + 1)
        self.refused_raw("sigv4.replayed", "PUT", target, fields, body)
        # A read may be asked again.
        fields = self.world.signer.sign("GET", target, at=at)
        for _ in range(2):
            self.assertEqual(self.world.send("GET", target, fields), (200, body))
        # Without an id, later than within the second in which it was made.
        fields = self.world.signer.sign("PUT", target, body, at=at - 60)
        self.assertEqual(self.world.send("PUT", target, fields, body)[0], 200)
        sent = time.time()
        wait_until(lambda: time.time() > sent + 1.1, "more than a second has passed")
        self.refused_raw("sigv4.replayed", "PUT", target, fields, body)
        # A link is made to be used again; its token and its time end it.
        link = Links.presigned(self, "PUT", target, {})
        for again in (b"one", b"two"):
            self.assertEqual(self.world.send("PUT", link, {}, again)[0], 200)

    def test_a_tampered_body(self):
        fields = self.world.signer.sign("PUT", "/aws/staging/tampered", b"what was signed")
        self.refused_raw("sigv4.payload_mismatch", "PUT", "/aws/staging/tampered", fields, b"what was sent..")

    def test_the_clock(self):
        for at in (time.time() - 1200, time.time() + 1200):
            fields = self.world.signer.sign("GET", "/aws/staging/small", at=at)
            status, answer = self.world.send("GET", "/aws/staging/small", fields)
            self.assertEqual(status, 403)
            self.assertIn(b"RequestTimeTooSkewed", answer)
            self.assertIn(b"[sigv4.skew]", answer)
            self.assertIn(b"clock", answer)

    def test_tokens_end(self):
        sdk, gateway = self.world.boto, self.world.gateway
        delegable, _ = gateway.agent_token(upstreams="aws")
        keys = self.world.keys_of(delegable)
        sdk("s3", "ListBuckets", keys=keys)
        gateway.cli("token", "revoke", gateway.json("token", "inspect", delegable)["id"], "--reason", "lost", check=0)
        self.refused("token.revoked", sdk, "s3", "ListBuckets", keys=keys)
        self.refused("token.revoked", sdk, "dynamodb", "ListTables", keys=keys)
        brief = self.world.keys_of(gateway.agent_token(upstreams="aws", ttl="1s")[0])
        signer = Signer(brief, self.world.host)
        wait_until(lambda: b"[token.expired]" in self.world.send("GET", "/aws/", signer.sign("GET", "/aws/"))[1], "the token has ended")
        self.refused("token.expired", sdk, "s3", "ListBuckets", keys=brief)

    def test_narrowed_tokens(self):
        narrow = lambda *how: self.world.keys_of(self.world.gateway.cli("token", "narrow", self.world.delegable, *how, check=0)[1].strip())
        reader, dynamo = narrow("--effects", "read"), narrow("--actions", "aws:dynamodb:*")
        for sdk in self.world.sdks:
            with self.subTest(sdk=sdk.name):
                sdk("s3", "ListObjectsV2", Bucket="staging", keys=reader)
                self.refused("scope.effect", sdk, "s3", "PutObject", Bucket="staging", Key="k", Body=b"x", keys=reader)
                self.refused("scope.effect", sdk, "dynamodb", "DeleteItem", TableName="staging", Key={"k": {"S": "1"}}, keys=reader)
                sdk("dynamodb", "ListTables", keys=dynamo)
                self.refused("scope.action", sdk, "s3", "ListBuckets", keys=dynamo)

    def test_a_profile_with_a_credential_process(self):
        answer = self.world.boto("s3", "ListBuckets", profile="agent")
        self.assertIn("orders", [bucket["Name"] for bucket in answer["Buckets"]])

    def test_keys_do_not_leave(self):
        """Neither side's credential is seen by the other."""
        with self.assertRaises(AwsError):
            self.world.boto("s3", "ListBuckets", endpoint=self.world.account.url)
        self.assertEqual(len(self.world.account.refused), 1)
        self.world.account.refused.clear()
        token = self.world.keys["AWS_SESSION_TOKEN"]
        for seen in self.world.account.seen:
            self.assertNotIn(token, str(seen.fields) + seen.target)


class Tools(Aws):
    @unittest.skipUnless(Cli.AWS, "needs the AWS CLI")
    def test_the_command_line(self):
        aws = Cli(self.world.keys, self.world.url)
        source = self.world.folder / "source"
        source.write_bytes(os.urandom(100_000))
        aws("s3", "cp", str(source), "s3://staging/by cli/ä+b")
        self.assertEqual(self.world.content("staging", "by cli/ä+b"), source.read_bytes())
        _, _, error = aws("s3", "cp", str(source), "s3://orders/by cli", check=1)
        self.assertIn("AccessDenied", error)
        self.assertRegex(error, r"\[approval.pending\] held for approval as req_")
        self.assertIn("Count", aws("dynamodb", "scan", "--table-name", "orders")[1])

    def test_everything_is_on_record(self):
        self.world.boto("s3", "ListBuckets")
        gateway = self.world.gateway
        text = gateway.cli("audit", "query", "--limit", "1000", "--output", "json", check=0)[1] + (self.world.folder / "gateway.log").read_text()
        self.assertIn("aws:s3:ListBuckets", text)
        for secret in (self.world.keys["AWS_SECRET_ACCESS_KEY"], self.world.keys["AWS_SESSION_TOKEN"]):
            self.assertNotIn(secret, text)
        self.assertEqual(gateway.cli("audit", "verify")[0], 0)


def setUpModule():
    global world
    world = World()


def tearDownModule():
    world.close()


if __name__ == "__main__":
    unittest.main()
