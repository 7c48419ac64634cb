# Iterations of k-means with and without a killed executor, a panel for each system. scripts/bench_recovery sets:
#   folder (of SYSTEM-none.dat and SYSTEM-kill.dat: iteration, median, least, most), systems, titles, ideals, at, output
panels = words(systems)
set terminal svg size 520 * panels, 400 dynamic enhanced background "#ffffff" font "Helvetica,Arial,sans-serif,13" linewidth 1.2
set output output

set border 3 linecolor "#8a8f98"
set tics nomirror textcolor "#3b4048" scale 0.5
set grid ytics linecolor "#e4e7eb" linetype 1
set xlabel "iteration" textcolor "#3b4048" offset 0, 0.3
set ylabel "seconds" textcolor "#3b4048" offset 1, 0
set xrange [0.4:10.6]
set xtics 1 scale 0
set key at graph 1, 0.98 top right reverse Left samplen 1.6 spacing 1.3 textcolor "#3b4048"
set style fill solid 1.0 noborder
set boxwidth 0.38

dat(system, scenario) = sprintf("%s/%s-%s.dat", folder, system, scenario)
set multiplot layout 1, panels margins 0.12 / panels, 1 - 0.03 / panels, 0.14, 0.90 spacing 0.15 / panels, 0
do for [i = 1:panels] {
  system = word(systems, i)
  ideal = word(ideals, i) + 0
  set yrange [*:*]
  stats dat(system, "none") using 4 name "NONE" nooutput
  stats dat(system, "kill") using 4 name "KILL" nooutput
  # Room for the key above the bars.
  set yrange [0:1.3 * (NONE_max > KILL_max ? NONE_max : KILL_max)]
  set title word(titles, i) font ",15" textcolor "#1d2127" offset 0, -0.3
  plot dat(system, "none") using ($1 - 0.2):2 with boxes linecolor "#b9c0c9" title "no failure", \
       dat(system, "kill") using ($1 + 0.2):2 with boxes linecolor "#d1603d" title sprintf("one executor killed in iteration %d", at), \
       dat(system, "none") using ($1 - 0.2):3:(0):($4 - $3) with vectors nohead linewidth 1.2 linecolor "#3b4048" notitle, \
       dat(system, "kill") using ($1 + 0.2):3:(0):($4 - $3) with vectors nohead linewidth 1.2 linecolor "#3b4048" notitle, \
       "+" using (at - 0.12):(ideal):(0.64):(0) every ::0::0 with vectors nohead linewidth 2.5 linecolor "#1d2127" title "ideal recovery"
}
unset multiplot
