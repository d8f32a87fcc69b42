"""Which postal addresses are found, from where to where, and which numbers are none."""

from __future__ import annotations

import pytest

from quality.pii import find


def addresses(text: str) -> list[str]:
    return [text[span.start : span.end] for span in find(text, {"address"})]


@pytest.mark.parametrize(
    ("before", "address", "after"),
    [
        ("I live at ", "221B Baker Street, London NW1 6XE", "."),
        ("寄到", "北京市朝阳区建国路88号SOHO现代城A座1203", "，谢谢"),
        ("住在", "天通苑北三区21号楼5门302", "。"),
        ("地址：", "海淀区学院路30号家属区12-3-501", ""),
        ("Ship to: ", "1600 Pennsylvania Avenue NW, Washington, DC 20500", ""),
        ("Send it to ", "P.O. Box 1234, Springfield, IL 62701", "."),
        ("Contact: Jean Picard, ", "Flat 3, 22 Acacia Avenue, Leeds LS1 4DY", ""),
        ("Near ", "123 Main Street, Anytown, USA", " there are shops"),
        ("John Doe, 25, ", "1234 Elm Street", ""),
        ("Start: ", "10 Christie Ave, Boston MA 02116", "\nDestination: home"),
        ("Mail:\n", "12 Oak Lane\nApt. 4\nSpringfield, IL 62704", "\nThanks"),
        ("", "Hauptstraße 12, 10115 Berlin", ""),
        ("Adresse : ", "12 rue de la Paix, 75002 Paris", ""),
        ("Vive en ", "Calle Mayor 15, 28013 Madrid", ""),
        ("Abita in ", "Via Roma 5, 00184 Roma", "."),
        ("", "Unit 4502 Box 4881\nDPO AA 19766", ""),
        ("它位于", "47 Bond St", "。祝你用餐愉快"),
        ("地址：", "广东省深圳市南山区科技园南路18号A座1203室，邮编518057", ""),
        ("住在", "上海市浦东新区张江镇盛夏路500弄6号楼302室", "。"),
        ("家住", "河南省南阳市卧龙区七里园乡达士营村3组", "的农民"),
        ("她在", "杭州市西湖区文三路398号东信大厦", "上班"),
        ("请寄到", "朝阳区建国路89号华贸中心3号楼1801", ""),
        ("地址是", "城子大街56号", "(近雨润发超市)。"),
        ("从北京到", "人民路12号", "要两小时"),
        ("快递已放到", "花园小区5栋2单元", "门口"),
        ("", "江苏省南京市鼓楼区中山北路200号", ""),
        ("就在", "和平路33号", "。"),
    ],
)
def test_an_address_is_found_from_its_first_to_its_last_part(before: str, address: str, after: str) -> None:
    assert addresses(before + address + after) == [address]


@pytest.mark.parametrize(
    "text",
    [
        "In 1995 Main Street changed. Chapter 12 The Road to Freedom. 5 Star Hotel.",
        "Step 3 Drive the nail. 10 Best Places to Visit. 100 Percent.",
        "We live in Berlin, Germany, near the station on Elm Street.",
        "x = 12 * Street; order 4521; ISBN 978-3-16-148410-0; version 1.2.3",
        "Add 2 cups of flour and 3 Large Eggs. Bake for 20 minutes.",
        "Founded on 12 March 1990 in Paris, 75 people work there.",
        "第三组数据，5号电池，地铁10号线，3月12号出发，12号楼。",
        "我们穿过道路2号，来到22号公路。",
        "他住在北京市海淀区。水立方位于北京。",
        "第一单元第三课，请看3号选手，组成2组。",
        "血型为A型，体温38度，3室1厅",
    ],
)
def test_other_numbers_and_places_are_left_alone(text: str) -> None:
    assert addresses(text) == []
