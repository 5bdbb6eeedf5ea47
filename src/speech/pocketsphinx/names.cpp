#include "speech/pocketsphinx/names.h"

#include "speech/normalise.h"

namespace voxanne::speech::pocketsphinx {
namespace {

constexpr std::string_view given =
    "james john robert michael william david richard joseph thomas charles christopher daniel matthew "
    "anthony mark "
    "donald steven paul andrew joshua kenneth kevin brian george edward ronald timothy jason jeffrey ryan "
    "jacob gary "
    "nicholas eric jonathan stephen larry justin scott brandon benjamin samuel gregory frank alexander "
    "raymond patrick "
    "jack dennis jerry tyler aaron jose adam henry nathan douglas zachary peter kyle walter ethan jeremy "
    "harold keith "
    "christian roger noah gerald carl terry sean austin arthur lawrence jesse dylan bryan joe jordan billy "
    "bruce albert "
    "willie gabriel logan alan juan wayne roy ralph randy eugene vincent russell louis philip bobby johnny "
    "bradley "
    "oliver harry charlie oscar leo archie freddie theo alfie max isaac simon ian neil graham martin colin "
    "stuart "
    "mohammed ahmed ali omar hassan ibrahim carlos luis miguel antonio marco luca ivan raj amir tom ben dan "
    "sam mike "
    "dave steve chris nick tony matt rob jim bob bill ted fred ken ron tim jeff greg alex "
    "mary patricia jennifer linda elizabeth barbara susan jessica sarah karen lisa nancy betty margaret "
    "sandra ashley "
    "kimberly emily donna michelle carol amanda dorothy melissa deborah stephanie rebecca sharon laura "
    "cynthia kathleen "
    "amy angela shirley anna brenda pamela emma nicole helen samantha katherine christine rachel carolyn "
    "janet "
    "catherine maria heather diane ruth julie olivia joyce virginia victoria kelly lauren christina joan "
    "evelyn judith "
    "megan andrea cheryl hannah jacqueline martha gloria teresa ann sara madison frances kathryn janice jean "
    "abigail "
    "alice julia judy sophia grace denise amber doris marilyn danielle beverly isabella theresa diana "
    "natalie "
    "charlotte rose kayla alexis lily ella mia chloe lucy daisy poppy freya jane claire fiona joanne tracy "
    "louise zoe "
    "sophie ellie kate katie beth sue jo liz jenny jill wendy gillian fatima aisha priya mei ana sofia elena";

constexpr std::string_view family =
    "smith johnson williams brown jones garcia miller davis rodriguez martinez hernandez lopez gonzalez "
    "wilson anderson "
    "thomas taylor moore jackson martin lee perez thompson white harris sanchez clark ramirez lewis robinson "
    "walker "
    "young allen king wright scott torres nguyen hill flores green adams nelson baker hall rivera campbell "
    "mitchell "
    "carter roberts gomez phillips evans turner diaz parker cruz edwards collins reyes stewart morris "
    "morales murphy "
    "cook rogers gutierrez ortiz morgan cooper peterson bailey reed kelly howard ramos kim cox ward "
    "richardson watson "
    "brooks chavez wood james bennett gray mendoza ruiz hughes price alvarez castillo sanders patel myers "
    "long ross "
    "foster jimenez powell jenkins perry russell sullivan bell coleman butler henderson barnes fisher graham "
    "reynolds "
    "griffin wallace west cole hayes bryant gibson ellis stevens murray ford marshall owens harrison kennedy "
    "wells "
    "woods chapman davies walsh shaw hunt palmer mills khan ali ahmed singh shah hussain begum knight webb "
    "matthews "
    "simpson dixon harvey pearson fletcher barker saunders fox lloyd mason rose lane may dean holmes burton "
    "atkinson "
    "hart stone armstrong elliott hamilton lawrence gordon duncan ferguson robertson hunter grant cameron "
    "macdonald "
    "o'connor o'brien o'neill ryan byrne doyle lynch mccarthy gallagher quinn chen wang li zhang liu yang wu";

}  // namespace

Phrases given_names() {
  Phrases out;
  for (auto& word : normalise(given)) out.push_back(std::move(word.text));
  return out;
}

Phrases family_names() {
  Phrases out;
  for (auto& word : normalise(family)) out.push_back(std::move(word.text));
  return out;
}

}  // namespace voxanne::speech::pocketsphinx
