"""What the structured recognisers find, by kind: ⟦…⟧ marks the value that must be found, and nothing else may be.

The values are invented, from reserved ranges where there are any.
"""

from __future__ import annotations

import pytest

from quality.pii import RECOGNISERS, find

STRUCTURED = frozenset(kind for kinds, _ in RECOGNISERS.values() for kind in kinds) - {"name", "address"}

FOUND = {
    "email": [
        "Write to ⟦jo.smith+list@example.com⟧.",
        "我的邮箱是⟦lilei_88@example.cn⟧谢谢",
        "邮箱：⟦ｌｉｌｅｉ＠ｅｘａｍｐｌｅ．ｃｏｍ⟧。",
        "reach me: ⟦jo at example dot org⟧",
        "⟦jo.smith [at] example [dot] com⟧",
        "⟦jo(at)example.com⟧ is fine",
        "mailto:⟦jo@mail.example.co.uk⟧?subject=hi",
        "Jo <⟦jo@example.museum⟧>, Ann <⟦o'brien@example.ie⟧>",
        "Mail ⟦jo@example.com⟧.Then wait.",
        '"⟦老板@公司.com⟧"',
        "联系⟦li.lei@pku.edu.cn⟧或⟦han@163.com⟧",
    ],
    "phone": [
        "Call ⟦(555) 555-0123⟧ today",
        "Call me at ⟦555-0199⟧ please",
        "tel: ⟦+1 212 555 0142⟧",
        "⟦+44 20 7946 0958⟧",
        "Phone ⟦020 7946 0958⟧",
        "our office: ⟦0131 496 0123⟧",
        "⟦+49 (0)30 901820⟧ Berlin",
        "⟦+33 1 99 00 12 34⟧",
        "my mobile is ⟦07700 900123⟧",
        "⟦212-555-0187 x123⟧",
        "⟦212.555.0187 ext. 45⟧ or so",
        "Fax: ⟦(212)555-0187⟧",
        "⟦1-800-555-0199⟧",
        "call ⟦1-800-FLOWERS⟧ now",
        "my phone number is ⟦2125550187⟧",
        "WhatsApp ⟦+91 98765 43210⟧",
        "我的手机号是⟦13800138000⟧，请联系",
        "手机⟦138-0013-8000⟧",
        "电话⟦138 0013 8000⟧。",
        "打⟦+86 138 0013 8000⟧找我",
        "打⟦86-13800138000⟧找我",
        "有事联系⟦19912345678⟧",
        "单位⟦010-62345678⟧",
        "单位⟦（010）62345678⟧",
        "总机⟦010-62345678转8012⟧",
        "总机⟦0755-8234 5678-203⟧",
        "座机⟦02162345678⟧",
        "客服⟦400-820-8820⟧，免费",
        "请拨打⟦4008208820⟧咨询",
        "热线⟦8008101234⟧",
        "有问题打客服⟦95588⟧",
        "拨⟦12306⟧订票",
        "电话：⟦62345678⟧",
        "电话⟦１３８００１３８０００⟧",
        "您可以致电⟦852-2345 6789⟧",
        "电话⟦010-62345678⟧、⟦62345679⟧",
        "Extension ⟦4521⟧ is mine",
        "Tel ⟦06 12 34 56 78⟧",
    ],
    "cn_id": [
        "身份证号⟦11010519491231002X⟧。",
        "号码是⟦440524188001010014⟧的人",
        "身份证：⟦110105194912310021⟧（写错的）",
        "身份证 ⟦110105 19491231 002X⟧",
        "旧身份证⟦110105491231002⟧",
        "My ID card number is ⟦11010519491231002x⟧.",
    ],
    "passport": [
        "护照号：⟦E12345678⟧",
        "我的护照是⟦EA1234567⟧，有效",
        "港澳通行证⟦C12345678⟧",
        "台胞证号码：⟦12345678⟧",
        "My passport number is ⟦X12345678⟧.",
        "passport no. ⟦123456789⟧",
        "Passport: ⟦C01X00T47⟧",
    ],
    "credit_code": [
        "统一社会信用代码：⟦91110000600037341L⟧",
        "开票税号⟦911100006000373410⟧",
        "公司⟦91350100M000100Y43⟧。",
    ],
    "bank_card": [
        "My card is ⟦4111 1111 1111 1111⟧.",
        "card ⟦4111-1111-1111-1111⟧",
        "Amex ⟦3782 822463 10005⟧",
        "⟦5555555555554444⟧",
        "卡号⟦6222020200112233441⟧，工行",
        "打到⟦6222 0202 0011 2233 441⟧吧",
        "Please charge credit card ⟦4111111111111112⟧",
        "bank account number ⟦000123456789⟧",
        "收款账号：⟦1234567890123⟧",
    ],
    "iban": [
        "IBAN ⟦GB82 WEST 1234 5698 7654 32⟧ please",
        "⟦DE89370400440532013000⟧",
        "账户⟦FR1420041010050500013M02606⟧的",
        "iban: ⟦gb82west12345698765432⟧",
    ],
    "ssn": ["SSN ⟦536-90-4399⟧", "her social security number is ⟦536904399⟧", "⟦123-45-6789⟧"],
    "licence": [
        "My driver's license number is ⟦A5631933⟧",
        "driving licence no: ⟦MORGA657054SM9IJ⟧",
        "DL# ⟦S530-4601-2345⟧",
        "MRN: ⟦00456789⟧",
        "Medical record number ⟦MR-2045678⟧.",
        "insurance policy number ⟦XYZ123456789⟧",
        "NHS number ⟦943 476 5919⟧",
        "病历号：⟦0012345678⟧",
        "医保卡号⟦A12345678⟧",
        "驾驶证号⟦440300123456⟧",
    ],
    "plate": [
        "车牌⟦京A12345⟧",
        "⟦粤B·12345⟧的车主",
        "新能源⟦沪AD12345⟧",
        "那辆⟦浙F0662挂⟧货车",
        "His license plate is ⟦ABC-1234⟧.",
        "registration number ⟦AB12 CDE⟧",
        "Kennzeichen ⟦B-MA 1234⟧",
    ],
    "ip": [
        "server ⟦203.0.113.7⟧ is down",
        "服务器⟦192.168.1.20⟧连不上",
        "http://⟦198.51.100.4⟧:8080/x",
        "⟦2001:db8::8a2e:370:7334⟧",
        "ping ⟦8.8.8.8⟧",
        "[⟦fe80::1ff:fe23:4567:890a⟧]",
        "⟦2001:0db8:85a3:0000:0000:8a2e:0370:7334⟧",
    ],
    "mac": [
        "MAC ⟦00:1B:44:11:3A:B7⟧",
        "⟦00-1b-44-11-3a-b7⟧",
        "网卡⟦00:1B:44:11:3A:B7⟧的",
        "mac ⟦001b.4411.3ab7⟧",
    ],
    "url_credentials": [
        "⟦https://jo:s3cret9@example.com/x⟧",
        "连⟦postgres://app:Pg9xk2z@db.example.com:5432/app⟧。",
        "⟦https://example.com/a?token=9f8e7d6c5b4a⟧",
        "see ⟦https://example.com/a?x=1&api_key=ab12cd34ef56⟧.",
        "⟦https://b.example.com/f?X-Amz-Signature=ab12cd34ef56ab12⟧",
    ],
    "secret": [
        "key sk-… = ⟦sk-abcdefghij0123456789ABCDEFGHIJ⟧",
        "⟦ghp_abcdefghijklmnopqrstuvwxyz0123456789⟧",
        "⟦AKIAIOSFODNN7EXAMPL1⟧",
        "⟦AIzaSyA1234567890abcdefghijklmnopqrstuv⟧",
        "⟦eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.abcDEF123_-x⟧",
        "password: ⟦hunter2⟧",
        'api_key = "⟦9f8e7d6c5b4a3f2e⟧"',
        "密码是⟦abc123456⟧。",
        "wifi密码：⟦88886666⟧",
        "The password is ⟦Tr0ub4dor⟧.",
        '"client_secret": "⟦Zx9-kQ2mPq7w⟧"',
        "⟦-----BEGIN RSA PRIVATE KEY-----\nMIIEowIBAAKCAQEA7bq\n-----END RSA PRIVATE KEY-----⟧",
        "Authorization: Bearer ⟦abcdef0123456789abcdef⟧",
    ],
    "handle": [
        "QQ：⟦12345678⟧",
        "我的qq号是⟦987654321⟧",
        "加我微信⟦lilei_8866⟧",
        "微信号：⟦wxid-abc12⟧",
        "加V：⟦xiaoyu520⟧",
        "WeChat: ⟦lily_chen88⟧",
        "vx ⟦abc12345⟧",
        "Follow me on Twitter ⟦@jo_smith⟧",
        "Thanks ⟦@annab⟧ for the tip",
        "RT ⟦@some_one⟧: hello",
        "my Telegram is ⟦@jo_tg⟧",
        "Username: ⟦jsmith42⟧",
        "See ⟦https://github.com/jsmith42⟧",
        "⟦https://www.linkedin.com/in/jo-smith-12⟧",
        "⟦https://weibo.com/u/1234567890⟧",
        "Instagram: ⟦jo.smith_9⟧",
        "Skype: ⟦live_jo99⟧",
    ],
    "birth_date": [
        "She was born on ⟦May 15, 1990⟧ in Leeds",
        "DOB: ⟦05/15/1990⟧",
        "Date of birth ⟦1990-05-15⟧",
        "born ⟦15 May 1990⟧",
        "出生日期：⟦1990年5月15日⟧",
        "我⟦1990年5月15日⟧出生",
        "我生于⟦1990年5月15日⟧",
        "他的生日是⟦5月15日⟧",
        "my birthday is ⟦May 15⟧",
        "张三，⟦1990年5月15日⟧生，汉族",
    ],
    "coordinates": [
        "at ⟦40.7128, -74.0060⟧",
        "坐标：⟦39.9042，116.4074⟧",
        "⟦40.7128° N, 74.0060° W⟧",
        "lat: ⟦40.71, lon: -74.00⟧",
        "⟦40°26'46\"N 79°58'56\"W⟧",
        "北京位于⟦北纬39度54分，东经116度23分⟧",
    ],
}


@pytest.mark.parametrize(
    ("kind", "marked"), [(kind, marked) for kind, texts in FOUND.items() for marked in texts]
)
def test_a_value_is_found_from_its_first_character_to_its_last(kind: str, marked: str) -> None:
    text = marked.replace("⟦", "").replace("⟧", "")
    wanted, at = [], 0
    for part in marked.split("⟦")[1:]:
        value = part.split("⟧")[0]
        at = text.index(value, at)
        wanted.append((at, at + len(value), kind))
        at += len(value)
    assert [(s.start, s.end, s.kind) for s in find(text, STRUCTURED)] == wanted
