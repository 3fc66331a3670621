package stream

// The vocabulary of the sample, most frequent word first. The words are
// written out where they are common; the long tail is put together from stems
// and endings, and names from syllables.

const commonWords = `the of and in to a was is on for as with by that at from
his it were he an are which be had this not has also or its who been but their
first one they two after her she all when other into during there more than
would time most some up season only over years game new later between where many
city made about such three film used while out both year being became since
under part war then through them before however team early found second series
until well second these will name him no him did called may used state could if
group including world said several like area any won played american released
against because number each began high day large north same so south place four
long government known own system album end large national home against line
river work song public led back music down very company set around life late
west often what another york public church built although book left within five
small family house field school league road using support final show along town
single own few east career water local species included main due force british
won following third near old popular much even still play building history lost
general army among form major making son point million total much take black
just great body without third make play battle women king original died six
design battalion club division story times character production white level men
island days president given division northern central service moved returned
good head party received air considered described station death village record
members son next storm southern different named land best political received
side again started military result law father built control power order rock bay
record park took according lines hall came fire top run developed version moved
hand children video region ten period critics western every ship english once
common study community students opened award young class wrote seven special
land love member press role site further tropical french open established eight
formed television way reached ships court police close similar role attack
success services century science short release light reported women recorded
project human continued right attempt position held german sound forces hours
percent caused wrote written week free mother bridge miles largest live half
produced present hit player scored least months style influence important
decided remained return available victory night upper wide range lower defeated
killed red troops himself ground study person having modern case appeared gave
kept instead scene provided front coast scenes works reviews involved eventually
plan plans start ended cup word less official related student highest space gun
goals tour stage road across mountain structure model brother move changes added
success train points act wife stated matches hurricane increased never low
performance leading event events based become social route operations officer
help win whole cover together match strong brought action required features
largely rest novel novels change soon ever rate lead previous ordered career
damage cast heavy earth director complete noted allowed minutes language artist
songs view planned female male type dark ancient title movement charge claimed
paid rights parts figure able shot outside behind replaced believed natural past
feature young prior training middle captain squadron guns ball loss stone
research training areas interest higher unit units foot blue feet campaign
introduced response remaining tower passed nine hill round particularly port
placed sent limited cut fort fourth lake material grand thought process signed
royal failed opening closed relationship turn highway attention taken stood
economic seen turned throughout foreign child wing trade color reason square
source ran letter summer winter spring autumn engine council valley soldiers
minor regular editor moon star stars sun creek forest garden desert ocean
harbour bird birds fish plant plants tree trees leaves flowers animal animals
horse horses shell egg eggs nest wings tail skin eye eyes teeth bone bones hair
food meat grain wheat rice fruit sugar salt oil gas coal iron steel gold silver
copper glass paper wood cotton silk wool cloth market price bank money tax debt
profit office factory worker workers farmer farmers teacher doctor lawyer judge
poet painter singer dancer actor writer author critic reader listener driver
pilot sailor soldier queen prince duke lord lady knight bishop priest monk saint
pope temple castle palace wall gate door window roof floor room kitchen table
chair bed clock bell lamp candle knife sword shield bow arrow spear rifle bomb
missile tank plane aircraft helicopter submarine cruiser destroyer vessel fleet
crew cargo deck mast sail anchor voyage journey travel railway track signal
platform passenger freight canal dam lock tunnel pipe pump wheel axle brake gear
speed distance height weight depth width length volume pressure temperature heat
cold wind rain snow ice flood drought earthquake volcano crater lava ash cloud
sky wave tide shore beach cliff cave rock soil sand mud clay mineral crystal
metal atom molecule acid enzyme protein cell gene virus bacteria disease fever
wound surgery hospital medicine drug vaccine nurse patient symptom cause effect
theory method experiment test sample data result evidence proof law rule degree
angle circle triangle sphere equation function matrix vector value variable set
proposal treaty alliance rebellion siege invasion retreat surrender prisoner
hostage refugee citizen voter election candidate senator minister governor mayor
parliament senate congress committee commission bill amendment constitution
republic empire kingdom province county district parish suburb neighborhood
street avenue lane corner crossing junction border frontier territory colony`

// stems and endings make the words of the tail: every stem with every ending.
const (
	wordStems = `form act press port stand work play light hand head land
water fire stone wind sail farm trade mark paint print sound record point
turn cover order count measure direct construct express struct respond observe
arrange attend command compose connect consider defend deliver depend describe
design destroy detect develop discover divide educate employ encourage establish
examine exchange expand explore govern illustrate improve inspect install
investigate manage manufacture navigate operate organize perform preserve produce
promote protect publish reform regulate remark repeat represent research restore
reward settle support survey threat transport treat value visit wander`
	wordEndings = `s ed ing er ers ion ment able ive ful less ness al ly or ist ism age ward man ship like`
	nameHeads   = `Al Ar Bel Bar Cal Car Dan Dor El Er Far Gal Gar Har Hel Is Jor Kar Kel Lan Lor Mal Mar Nor Or Pal Per Ral Ros Sal Ser Tal Tor Ul Val Ver Wal Wen Yar Zan`
	nameMiddles = `a e i o an en in on ar er or el il am em`
	nameTails   = `ton ham ford ley by wick field burg stad dale mont ville son sen man berg ric dor mir nia ria land ia us a`

	sampleVocabulary = 9000 // words in all
)
