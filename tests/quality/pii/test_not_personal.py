"""Numbers and words that look like personal data and are none: nothing of a structured kind may be found in them."""

from __future__ import annotations

import pytest

from quality.pii import RECOGNISERS, find

STRUCTURED = frozenset(kind for kinds, _ in RECOGNISERS.values() for kind in kinds) - {"name", "address"}

CLEAN = [
    # code
    "x = 1234567890\ny = x * 13812345678",
    "int[] a = {1, 22, 333, 4444, 55555, 666666, 7777777};",
    "@app.route('/users')\ndef users(): ...",
    "@Override\npublic String toString() { return name; }",
    "@media (max-width: 600px) { body { margin: 0 } }",
    "npm install @angular/core@15.2.0 @types/node",
    "scores = q@k.transpose(0, 1) + x@self.weight",
    "import { Component } from '@angular/core';",
    "password = input('Password: ')",
    "password = os.environ['DB_PASSWORD']",
    "api_key = 'YOUR_API_KEY'",
    'token = "<your token>"',
    "password: str = Field(min_length=8)",
    "std::vector<int>::iterator it = a::b::c;",
    "DECLARE @id INT = 5; SELECT @name FROM t;",
    "/** @param name the name @return nothing */",
    "git@github.com:team/project.git",
    "color: #1a2b3c4d; width: 1024px; z-index: 2147483647",
    "assert sum(range(100000)) == 4999950000",
    "0x7ffee4c0b8a0 0xDEADBEEF",
    "for i in 1 2 3 4 5 6 7 8 9 10 11 12; do echo $i; done",
    # years, dates, times
    "from 2023-2024 and 1990-1995",
    "on 2023-01-15 10:30:45, 15/01/2023, 01.02.2023",
    "2023年1月15日10时30分",
    "timestamp 1672531200, 1672531200000",
    "2023-01-15T10:30:45.123456Z",
    "20230115103045",
    "1914-1918, 1939-1945",
    # money and counts
    "costs $1,234,567.89 or 12,345,678 yen",
    "售价13800000000元，共1380000人",
    "人口为1400000000，面积9600000平方公里",
    "a population of 13500000000 is too much",
    "3.14159265358979, 2.718281828",
    "weights 0.1234, 0.5678, 12.3456, 0.9012",
    "[12.3456, 45.6789, 78.9012]",
    # numbers of things
    "订单号20230115123456789",
    "订单编号：13812345678",
    "快递单号SF1234567890123",
    "运单号 7712345678901",
    "order number 4111111111111111",
    "tracking number 1Z999AA10123456784",
    "Invoice #20230045, PO 4500012345",
    "ISBN 978-7-111-12345-6, ISBN 9787111123456",
    "ISBN 0-306-40615-2",
    "国药准字H20123456，批号20230101",
    "邮编100084",
    "学号2021012345",
    "GB 11643-1999, RFC 2822, ISO 8601",
    "UUID 123e4567-e89b-12d3-a456-426614174000",
    "sha1 da39a3ee5e6b4b0d3255bfef95601890afd80709",
    "md5: d41d8cd98f00b204e9800998ecf8427e",
    "股票代码600519，基金161725",
    "doi:10.1000/182 and arXiv:2101.00001",
    # versions and networks
    "version 1.2.3.4 and v2.0.1.5",
    "Chrome/120.0.0.0 Safari/537.36",
    "mask 255.255.255.0, 127.0.0.1, 0.0.0.0, ::1",
    "1.2.3.4 Scope of the work",
    "at 12:30:45 or 10:20:30:40",
    "aspect ratio 16:9, odds 3:2:1",
    # medicine and mathematics
    "每次0.25g，一日3次，疗程7-14天，120/80mmHg",
    "take 500 mg 3 times a day for 10-14 days",
    "白细胞 10.5*10^9/L，血红蛋白 120-160g/L",
    "12 + 34 = 46; 123 * 456 = 56088; 1234567890 / 3",
    "the sequence 1, 1, 2, 3, 5, 8, 13, 21, 34, 55, 89, 144",
    "1 1 2 3 5 8 13 21 34 55 89 144 233 377 610 987",
    "01 02 03 04 05 06 07 08 09 10 11 12",
    "10 20 30 40 50 60 70 80 90 100",
    "pages 245-1230, rooms 101-1205",
    "a score of 100-98, a ratio of 1000:1",
    # emergency numbers, words
    "Call 911 in an emergency; 拨打110、120或119",
    "your password must have 8 characters and a digit",
    "密码必须至少8位，密码是必填项",
    "The password is required.",
    "meet at noon, look at example dot com",
    "5 apples @ $3 each, 10 @ 2.50",
    "the car is on the plate of 12 items",
    "passport control opens at 0900 hours",
    "微信支付和QQ音乐都很好用",
    "QQ群里有500人",
    "WeChat is popular in China",
    "加V认证的账号",
    "born in 1990, 生于1990年",
    "see https://github.com/pallets/flask and https://github.com/features",
    "https://example.com/list?key=name&page=12&sort=asc",
    "京A股上市，京东618大促",
    "card games for 4 players, card 12345",
    "the order was 12345678",
    "Python 3.11.4 (main, Jun  7 2023, 00:00:00)",
    "电话费每月58元",
    "打了3次电话，12个人接听",
    "打8折后1299元",
    "解为x=3.14，y=-2.71",
    "气温分别为12.50度，15.60度",
    "Upgrade from 2.14.3.1 to 3.0.0.12 first",
    "the template 7ABC123, plate 3 of 12, on a plate 200 g of rice",
]


@pytest.mark.parametrize("text", CLEAN)
def test_what_is_not_personal_stays(text: str) -> None:
    assert [(s.kind, text[s.start : s.end]) for s in find(text, STRUCTURED)] == []
