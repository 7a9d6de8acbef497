#!/bin/sh
# Fetch the fonts (all under the SIL Open Font License or Apache's) that models.training.scenes writes digits and letters with,
# into a folder that git ignores: sh tools/fetch-fonts.sh [FOLDER]. Needs npm; a font that cannot be had is left out. Ends
# with 1 where none can be had.
set -eu
command -v npm >/dev/null || {
  echo "npm is not here, which fetches the fonts; on Debian and Ubuntu: apt install npm" >&2
  exit 1
}
folder=${1:-data/fonts}
mkdir -p "$folder"
folder=$(cd "$folder" && pwd)
handwritten="caveat indie-flower patrick-hand shadows-into-light kalam permanent-marker gloria-hallelujah
architects-daughter covered-by-your-grace handlee reenie-beanie nothing-you-could-do just-another-hand rock-salt
homemade-apple cedarville-cursive la-belle-aurore sue-ellen-francisco waiting-for-the-sunrise over-the-rainbow
crafty-girls coming-soon schoolbell short-stack neucha gaegu nanum-pen-script sriracha mali itim dekko delius
amatic-sc annie-use-your-telescope swanky-and-moo-moo zeyada dawning-of-a-new-day the-girl-next-door give-you-glory
loved-by-the-king kristi bad-script marck-script pangolin merienda gochi-hand comic-neue caveat-brush
nanum-brush-script hi-melody poor-story long-cang mansalva gamja-flower sedgwick-ave walter-turncoat sunshiney
rancho pecita nerko-one fuzzy-bubbles playpen-sans edu-sa-beginner edu-nsw-act-foundation edu-tas-beginner
edu-qld-beginner edu-vic-wa-nt-beginner cabin-sketch love-ya-like-a-sister chilanka manjari vibur kavivanar
allan sacramento sofia bilbo meddon ruthie norican"
printed="roboto open-sans lato montserrat oswald source-sans-3 source-serif-4 raleway pt-sans pt-serif merriweather
noto-sans noto-serif ubuntu playfair-display lora fira-sans inconsolata roboto-mono roboto-slab roboto-condensed
bitter arvo dosis inter work-sans karla rubik nunito quicksand anton cabin josefin-sans libre-baskerville
crimson-text exo-2 share-tech-mono vt323 special-elite courier-prime cutive-mono abril-fatface alfa-slab-one
bebas-neue russo-one teko rajdhani wallpoet audiowide electrolize quantico black-ops-one bungee nova-mono
anonymous-pro tinos arimo cousine carlito gelasio eb-garamond cormorant-garamond domine vollkorn old-standard-tt
barlow barlow-condensed titillium-web archivo archivo-narrow overpass ibm-plex-sans ibm-plex-serif ibm-plex-mono
space-mono jetbrains-mono dm-sans mulish hind heebo asap signika questrial comfortaa varela-round fredoka
baloo-2 righteous staatliches secular-one passion-one patua-one zilla-slab crete-round alegreya cardo
ultra rozha-one gravitas-one chivo saira-condensed pathway-gothic-one yanone-kaffeesatz economica"
fetch() { # package pattern
  archive=$(cd "$work" && npm pack --silent "$1" 2>/dev/null) || { echo "left out: $1"; return 0; }
  tar xzf "$work/$archive" -C "$work"
  for file in $(cd "$work/package" && find . -path "$2" | sort); do
    cp "$work/package/$file" "$folder/"
    came=$((came + 1))
  done
  rm -rf "$work/package" "${work:?}/$archive"
}
came=0
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
for name in $handwritten; do fetch "@fontsource/$name" "./files/*-latin-[347]00-normal.woff"; done
for name in $printed; do fetch "@fontsource/$name" "./files/*-latin-[3479]00-*.woff"; done
fetch dseg "./fonts/DSEG7-*/*.woff"
[ "$came" -gt 0 ] || {
  echo "no font came; npm tells why: npm pack @fontsource/caveat" >&2
  exit 1
}
echo "$(find "$folder" -name '*.woff' | wc -l) fonts in $folder"
